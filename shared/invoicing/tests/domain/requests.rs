//! What a request may hold, and how a violation names its place.

use garde::Validate;
use invoicing::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The body as a command, or what is wrong with it: each a place, as JSON names it, and a text.
fn read<T: Validate<Context = ()> + DeserializeOwned>(
    body: Value,
) -> Result<T, Vec<(String, String)>> {
    let misshapen = |error: serde_path_to_error::Error<serde_json::Error>| {
        vec![(error.path().to_string(), error.inner().to_string())]
    };
    let command: T = serde_path_to_error::deserialize(body).map_err(misshapen)?;
    let invalid = |report: garde::Report| {
        report
            .iter()
            .map(|(path, error)| (camel_case(&path.to_string()), error.to_string()))
            .collect()
    };
    match command.validate() {
        Ok(()) => Ok(command),
        Err(report) => Err(invalid(report)),
    }
}

/// garde reports fields by their names in Rust.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The places at fault, in order.
#[track_caller]
fn faults<T: Validate<Context = ()> + DeserializeOwned>(body: Value) -> Vec<String> {
    let mut places: Vec<String> =
        read::<T>(body).err().unwrap_or_default().into_iter().map(|(place, _)| place).collect();
    places.sort();
    places
}

/// The text of the only fault, which is at this place.
#[track_caller]
fn fault<T: Validate<Context = ()> + DeserializeOwned>(body: Value, place: &str) -> String {
    let shown = body.to_string();
    match &read::<T>(body).err().unwrap_or_default()[..] {
        [(found, text)] if found == place => text.clone(),
        found => panic!("{shown} was to be wrong at {place}, but is at {found:?}"),
    }
}

fn is_valid<T: Validate<Context = ()> + DeserializeOwned>(body: Value) -> bool {
    read::<T>(body).is_ok()
}

fn merged(mut body: Value, changes: Value) -> Value {
    let changes = changes.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(changes);
    body
}

fn customer(changes: Value) -> Value {
    merged(json!({ "name": "Acme", "email": "pay@acme.example" }), changes)
}

fn item(changes: Value) -> Value {
    merged(
        json!({
            "description": "Consulting",
            "quantity": "1.5",
            "unitPrice": "12.50",
            "taxRate": "0.19",
        }),
        changes,
    )
}

fn create(changes: Value) -> Value {
    merged(
        json!({
            "customer": customer(json!({})),
            "currency": "EUR",
            "lineItems": [item(json!({}))],
        }),
        changes,
    )
}

fn payment(changes: Value) -> Value {
    merged(json!({ "amount": "12.50", "at": "2026-01-01T00:00:00Z", "reference": "0815" }), changes)
}

// ---- shapes
// -------------------------------------------------------------------------------------------------

/// Whether `colour` is refused. Where a member was put apart, the text alone names it; the pointer
/// is then made from that.
fn names_the_unknown<T: Validate<Context = ()> + DeserializeOwned>(body: Value) -> bool {
    read::<T>(body)
        .err()
        .unwrap_or_default()
        .iter()
        .any(|(_, text)| text.starts_with("unknown field `colour`"))
}

/// An unknown member, a missing one and null, in the body of every command.
fn check_shape<T: Validate<Context = ()> + DeserializeOwned>(valid: Value, required: &[&str]) {
    assert!(is_valid::<T>(valid.clone()), "{valid}");
    assert!(names_the_unknown::<T>(merged(valid.clone(), json!({ "colour": "red" }))), "{valid}");
    for name in required {
        let mut without = valid.clone();
        without.as_object_mut().expect("an object").remove(*name);
        let missing = read::<T>(without).err().unwrap_or_default();
        assert!(missing[0].1.contains(&format!("missing field `{name}`")), "{missing:?}");
        assert!(!is_valid::<T>(merged(valid.clone(), json!({ *name: null }))), "{name} is null");
    }
    for other in [json!(null), json!("x"), json!(1)] {
        assert!(!is_valid::<T>(other.clone()), "{other}");
    }
}

#[test]
fn every_body_has_its_members_and_no_others() {
    check_shape::<CreateInvoice>(create(json!({})), &["customer", "currency"]);
    check_shape::<SetInvoiceCustomer>(customer(json!({})), &["name", "email"]);
    check_shape::<SetInvoiceCurrency>(json!({ "currency": "EUR" }), &["currency"]);
    check_shape::<AddLineItem>(
        item(json!({})),
        &["description", "quantity", "unitPrice", "taxRate"],
    );
    check_shape::<ChangeLineItem>(
        item(json!({ "n": 1 })),
        &["n", "description", "quantity", "unitPrice", "taxRate"],
    );
    check_shape::<RemoveLineItem>(json!({ "n": 1 }), &["n"]);
    check_shape::<IssueInvoice>(json!({}), &[]);
    check_shape::<SendInvoiceToCustomer>(
        json!({ "subject": "S", "message": "M" }),
        &["subject", "message"],
    );
    check_shape::<RecordPayment>(payment(json!({})), &["amount", "at", "reference"]);
    check_shape::<VoidInvoice>(json!({}), &[]);
    check_shape::<DeleteInvoice>(json!({}), &[]);
    check_shape::<CreateCustomer>(customer(json!({})), &["name", "email"]);
    check_shape::<PatchCustomer>(json!({ "name": "Acme", "email": "pay@acme.example" }), &[]);
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let body = json!({ "customer": customer(json!({})), "currency": "EUR" });
    let CreateInvoice { id, customer, line_items, .. } = read(body).unwrap();
    assert_eq!((id, customer.id, line_items), (None, None, vec![]));
    assert_eq!(read::<IssueInvoice>(json!({})).unwrap().payment_term_days, 30);
    assert_eq!(read::<PatchCustomer>(json!({})).unwrap(), PatchCustomer::default());
    for name in ["name", "email"] {
        assert_eq!(
            faults::<PatchCustomer>(json!({ name: null })),
            [name],
            "nothing can be cleared"
        );
    }
}

#[test]
fn a_fault_in_a_line_names_the_line() {
    let with = |changes: Value| create(json!({ "lineItems": [item(json!({})), item(changes)] }));
    assert_eq!(faults::<CreateInvoice>(with(json!({ "colour": "red" }))), ["lineItems[1].colour"]);
    assert_eq!(
        faults::<CreateInvoice>(with(json!({ "unitPrice": 12.5 }))),
        ["lineItems[1].unitPrice"]
    );
    let all_wrong = with(json!({
        "description": "",
        "quantity": "0",
        "unitPrice": "1000000000.01",
        "taxRate": "19",
    }));
    let expected = ["description", "quantity", "taxRate", "unitPrice"]
        .map(|name| format!("lineItems[1].{name}"));
    assert_eq!(faults::<CreateInvoice>(all_wrong), expected);
    assert_eq!(
        faults::<CreateInvoice>(create(json!({ "customer": customer(json!({ "email": "x" })) }))),
        ["customer.email"]
    );
}

// ---- texts
// -------------------------------------------------------------------------------------------------

#[test]
fn an_id_is_one_segment() {
    let places = |id: &str| {
        let ids = json!({ "id": id });
        let nested = create(json!({ "id": id, "customer": customer(ids.clone()) }));
        [
            faults::<CreateInvoice>(nested),
            faults::<SetInvoiceCustomer>(customer(ids.clone())),
            faults::<CreateCustomer>(customer(ids)),
        ]
    };
    for good in ["a", "A-Z_9", &"x".repeat(64)] {
        assert_eq!(places(good), [vec![""; 0], vec![], vec![]], "{good}");
    }
    for bad in ["", "a/b", "a b", "é", &"x".repeat(65)] {
        assert_eq!(places(bad), [vec!["customer.id", "id"], vec!["id"], vec!["id"]], "{bad}");
    }
}

#[test]
fn an_email_is_an_address_of_at_most_254_characters() {
    let places = |email: &str| {
        let body = || customer(json!({ "email": email }));
        [
            faults::<SetInvoiceCustomer>(body()),
            faults::<CreateCustomer>(body()),
            faults::<PatchCustomer>(json!({ "email": email })),
        ]
    };
    let long = |host: usize| {
        format!("{}@{}.example.com", "x".repeat(64), vec!["y".repeat(57); host].join("."))
    };
    for good in ["a@b.ch", "Ada.Lovelace+x@Example.COM", &long(3)] {
        assert!(places(good).iter().all(Vec::is_empty), "{good}");
    }
    for bad in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a da@example.com",
        "ada@-x.com",
        "ada..lovelace@example.com",
        ".ada@x.ch",
        &long(4),
    ] {
        assert!(
            places(bad).iter().all(|places| places.first().is_some_and(|place| place == "email")),
            "{bad}"
        );
    }
}

#[test]
fn an_address_with_a_u_label_is_taken_as_its_a_label() {
    let taken = "ada@xn--bcher-kva.example";
    for given in ["ada@bücher.example", "ada@BU\u{308}CHER.example", taken] {
        let body = || customer(json!({ "email": given }));
        assert_eq!(read::<SetInvoiceCustomer>(body()).unwrap().0.email, taken);
        assert_eq!(read::<CreateCustomer>(body()).unwrap().email, taken);
        assert_eq!(
            read::<PatchCustomer>(json!({ "email": given })).unwrap().email.as_deref(),
            Some(taken)
        );
    }
    fault::<CreateCustomer>(customer(json!({ "email": "zoë@example.com" })), "email");
}

/// As many characters as there may be, one more, none, white space at an end, a line end.
fn check_text<T: Validate<Context = ()> + DeserializeOwned>(
    body: fn(Value) -> Value,
    name: &str,
    most: usize,
) {
    let with = |text: &str| body(json!({ name: text }));
    assert!(is_valid::<T>(with("x")) && is_valid::<T>(with(&"x".repeat(most))), "{name}");
    for bad in ["", " ", " x", "x\t", "x\u{7}y", "\u{200b}", "\u{3164}", &"x".repeat(most + 1)] {
        fault::<T>(with(bad), name);
    }
    assert_eq!(
        fault::<T>(with(&"x".repeat(most + 1)), name),
        format!("must have 1 to {most} characters")
    );
}

#[test]
fn texts_are_lines_of_bounded_length() {
    let mail = |changes| merged(json!({ "subject": "S", "message": "M" }), changes);
    check_text::<SetInvoiceCustomer>(customer, "name", 200);
    check_text::<CreateCustomer>(customer, "name", 200);
    check_text::<PatchCustomer>(|changes| changes, "name", 200);
    check_text::<AddLineItem>(item, "description", 500);
    check_text::<SendInvoiceToCustomer>(mail, "subject", 200);
    check_text::<SendInvoiceToCustomer>(mail, "message", 5_000);
    check_text::<RecordPayment>(payment, "reference", 200);
    for (body, place) in [
        (mail(json!({ "subject": "a\nb" })), "subject"),
        (mail(json!({ "message": "a\u{0}b" })), "message"),
    ] {
        fault::<SendInvoiceToCustomer>(body, place);
    }
    assert!(is_valid::<SendInvoiceToCustomer>(mail(
        json!({ "message": "Dear Ada,\r\n\n\tplease pay." })
    )));
    assert!(is_valid::<SendInvoiceToCustomer>(mail(json!({ "email": "ada@example.com" }))));
    fault::<SendInvoiceToCustomer>(mail(json!({ "email": "ada" })), "email");
    fault::<AddLineItem>(item(json!({ "description": "a\nb" })), "description");
}

#[test]
fn what_an_invoice_has_200_of_is_bounded_in_bytes() {
    assert!(is_valid::<AddLineItem>(item(json!({ "description": "é".repeat(500) }))));
    let bytes =
        fault::<AddLineItem>(item(json!({ "description": "é".repeat(499) + "語" })), "description");
    assert_eq!(bytes, "must have at most 1000 bytes in UTF-8");
    assert!(is_valid::<RecordPayment>(payment(json!({ "reference": "é".repeat(100) }))));
    let bytes =
        fault::<RecordPayment>(payment(json!({ "reference": "é".repeat(99) + "語" })), "reference");
    assert_eq!(bytes, "must have at most 200 bytes in UTF-8");
}

// ---- numbers
// -------------------------------------------------------------------------------------------------

/// Each number of a line and of a payment, read from what a body says.
fn number(name: &str, value: Value) -> Result<(), String> {
    let faults = match name {
        "amount" => read::<RecordPayment>(payment(json!({ name: value }))).err(),
        _ => read::<AddLineItem>(item(json!({ name: value }))).err(),
    };
    let Some(faults) = faults else { return Ok(()) };
    assert!(faults.iter().all(|(place, _)| place == name), "{faults:?}");
    Err(faults[0].1.clone())
}

#[test]
fn a_number_is_a_decimal_string_without_sign_and_exponent() {
    let digits = format!("0.{}", "0".repeat(29));
    for name in ["quantity", "unitPrice", "taxRate", "amount"] {
        assert_eq!(number(name, json!("1")), Ok(()), "{name}");
        assert_eq!(number(name, json!("01.0000000000")), Ok(()), "{name}: decimals count by value");
        for bad in [
            "", "-1", "+1", "1e0", "NaN", "Infinity", "1,0", "1_0", ".5", "1.", " 1", "0x1", "١",
            &digits,
        ] {
            let text = number(name, json!(bad)).expect_err(bad);
            assert_eq!(
                text, "must be a decimal number without sign, as \"12.50\"",
                "{name}: {bad}"
            );
        }
        for bad in
            [json!(0.5), json!(-1), json!(true), json!(null), json!(["1"]), json!({ "units": 1 })]
        {
            number(name, bad.clone()).expect_err(&format!("{name}: {bad}"));
        }
    }
    assert_eq!(number("quantity", json!(3)), Ok(()), "a count is exact as a JSON number too");
    for name in ["unitPrice", "taxRate", "amount"] {
        let text = number(name, json!(1)).expect_err(name);
        assert_eq!(
            text, "invalid type: integer `1`, expected a decimal number as a string, as \"12.50\"",
            "{name}"
        );
    }
}

/// As the table of `docs/invoicing.md` says.
#[test]
fn a_number_has_bounds() {
    for (name, good, bad) in [
        ("quantity", &["0.000001", "1000000000"][..], &["0", "0.0000001", "1000000000.000001"][..]),
        ("unitPrice", &["0", "0.0001", "1000000000"], &["0.00001", "1000000000.0001"]),
        ("taxRate", &["0", "0.000001", "1"], &["0.0000001", "1.000001", "19"]),
        ("amount", &["0.0001", "1000000000"], &["0", "0.00001", "1000000000.0001"]),
    ] {
        good.iter()
            .for_each(|text| assert_eq!(number(name, json!(text)), Ok(()), "{name}: {text}"));
        bad.iter().for_each(|text| drop(number(name, json!(text)).expect_err(text)));
    }
    assert_eq!(
        number("taxRate", json!("19")),
        Err("must be a fraction from 0 to 1: 19 % is \"0.19\"".to_owned())
    );
}

#[test]
fn a_new_invoices_prices_have_the_decimals_of_its_currency() {
    let priced = |code: &str, price: &str| {
        create(json!({
            "currency": code,
            "lineItems": [item(json!({})), item(json!({ "unitPrice": price }))],
        }))
    };
    assert!(
        is_valid::<CreateInvoice>(priced("EUR", "1.230"))
            && is_valid::<CreateInvoice>(priced("KWD", "1.234"))
    );
    let text = fault::<CreateInvoice>(priced("EUR", "1.234"), "lineItems[1].unitPrice");
    assert_eq!(text, "has more than the 2 decimals of EUR");
    let text = fault::<CreateInvoice>(priced("JPY", "1"), "lineItems[0].unitPrice");
    assert_eq!(text, "has more than the 0 decimals of JPY");
}

#[test]
fn a_currency_is_a_code_of_iso_4217() {
    for bad in [
        json!("eur"),
        json!("XXX"),
        json!("XAU"),
        json!("EURO"),
        json!(""),
        json!(978),
        json!(null),
    ] {
        fault::<SetInvoiceCurrency>(json!({ "currency": bad }), "currency");
        fault::<CreateInvoice>(create(json!({ "currency": bad })), "currency");
    }
    for good in ["EUR", "JPY", "KWD", "CLF"] {
        assert_eq!(
            read::<SetInvoiceCurrency>(json!({ "currency": good })).unwrap().currency.code(),
            good
        );
    }
}

#[test]
fn an_invoice_has_at_most_200_lines() {
    let lines = |count: usize| create(json!({ "lineItems": vec![item(json!({})); count] }));
    assert!(is_valid::<CreateInvoice>(lines(0)) && is_valid::<CreateInvoice>(lines(200)));
    fault::<CreateInvoice>(lines(201), "lineItems");
    fault::<CreateInvoice>(create(json!({ "lineItems": null })), "lineItems");
}

#[test]
fn a_line_is_named_by_a_number() {
    for bad in [json!(-1), json!("1"), json!(1.5), json!(4_294_967_296_u64), json!(null)] {
        fault::<RemoveLineItem>(json!({ "n": bad }), "n");
        fault::<ChangeLineItem>(item(json!({ "n": bad })), "n");
    }
}

#[test]
fn a_term_is_up_to_365_days() {
    let term = |days: Value| json!({ "paymentTermDays": days });
    assert_eq!(
        [0, 365].map(|days| read::<IssueInvoice>(term(json!(days))).unwrap().payment_term_days),
        [0, 365]
    );
    for bad in [json!(366), json!(-1), json!(1.5), json!("30"), json!(65_536), json!(null)] {
        fault::<IssueInvoice>(term(bad), "paymentTermDays");
    }
}

#[test]
fn a_payment_has_a_time() {
    assert!(is_valid::<RecordPayment>(payment(json!({ "at": "2026-01-01T00:00:00.5+01:00" }))));
    for bad in [
        json!("-009999-01-02T02:00:00Z"),
        json!("1969-12-31T23:59:59Z"),
        json!("2026-01-01"),
        json!("2026-01-01T00:00:00"),
        json!("today"),
        json!(1_767_225_600),
        json!(null),
    ] {
        fault::<RecordPayment>(payment(json!({ "at": bad })), "at");
    }
}

// ---- the version that was decided on
// -------------------------------------------------------------------------------------------------

/// Whatever the command's own shape: flat, transparent, and with a member of its own put apart.
#[test]
fn a_version_stands_beside_the_commands_own_members() {
    let on = |body: Value, version: u64| merged(body, json!({ "version": version }));
    let line = item(json!({ "n": 2 }));
    assert_eq!(
        read::<OnVersion<SetInvoiceCurrency>>(on(json!({ "currency": "EUR" }), 3)).unwrap().version,
        Some(3)
    );
    let most = headwater::field::LARGEST_INTEGER;
    assert_eq!(
        read::<OnVersion<DeleteInvoice>>(json!({ "version": most })).unwrap().version,
        Some(most)
    );
    let change: OnVersion<ChangeLineItem> = read(on(line.clone(), 5)).unwrap();
    assert_eq!(
        (change.version, change.command.n, change.command.item),
        (Some(5), 2, read::<AddLineItem>(item(json!({}))).unwrap().0)
    );
    let created: OnVersion<CreateInvoice> = read(on(create(json!({})), 0)).unwrap();
    assert_eq!((created.version, created.command), (Some(0), read(create(json!({}))).unwrap()));
    assert_eq!(read::<OnVersion<ChangeLineItem>>(line.clone()).unwrap().version, None);
    assert_eq!(
        read::<OnVersion<ChangeLineItem>>(merged(line, json!({ "version": null })))
            .unwrap()
            .version,
        None
    );
}

#[test]
fn a_version_is_a_number() {
    for bad in [
        json!(-1),
        json!("3"),
        json!(1.5),
        json!(true),
        json!([3]),
        json!(9_007_199_254_740_992_u64),
        json!(u64::MAX),
        json!(1e300),
    ] {
        fault::<OnVersion<SetInvoiceCurrency>>(
            json!({ "currency": "EUR", "version": bad }),
            "version",
        );
        fault::<OnVersion<ChangeLineItem>>(item(json!({ "n": 1, "version": bad })), "version");
    }
    fault::<SetInvoiceCurrency>(json!({ "currency": "EUR", "version": 3 }), "version");
}

#[test]
fn beside_a_version_faults_keep_their_places() {
    fault::<OnVersion<SetInvoiceCurrency>>(json!({ "version": 3, "currency": "eur" }), "currency");
    fault::<OnVersion<ChangeLineItem>>(item(json!({ "version": 3, "n": "1" })), "n");
    fault::<OnVersion<AddLineItem>>(item(json!({ "version": 3, "unitPrice": 1 })), "unitPrice");
    fault::<OnVersion<AddLineItem>>(item(json!({ "version": 3, "taxRate": "19" })), "taxRate");
    assert!(names_the_unknown::<OnVersion<VoidInvoice>>(json!({ "version": 3, "colour": "red" })));
    assert!(names_the_unknown::<OnVersion<ChangeLineItem>>(item(
        json!({ "n": 1, "version": 3, "colour": "red" })
    )));
    let nested = create(json!({ "version": 3, "lineItems": [item(json!({ "colour": "red" }))] }));
    fault::<OnVersion<CreateInvoice>>(nested, "lineItems[0].colour");
    let nested = create(json!({ "version": 3, "lineItems": [item(json!({ "quantity": "x" }))] }));
    fault::<OnVersion<CreateInvoice>>(nested, "lineItems[0].quantity");
    let nested = create(json!({ "version": 3, "lineItems": [item(json!({ "quantity": "0" }))] }));
    fault::<OnVersion<CreateInvoice>>(nested, "lineItems[0].quantity");
}

#[test]
fn a_body_is_written_as_it_is_read() {
    let body = merged(item(json!({ "n": 2 })), json!({ "version": 5 }));
    assert_eq!(
        serde_json::to_value(read::<OnVersion<ChangeLineItem>>(body.clone()).unwrap()).unwrap(),
        body
    );
    let body = merged(create(json!({ "id": "1" })), json!({ "version": 0 }));
    assert_eq!(
        serde_json::to_value(read::<OnVersion<CreateInvoice>>(body.clone()).unwrap()).unwrap(),
        body
    );
}
