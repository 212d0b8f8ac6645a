//! Ids, addresses and lines of text.

use garde::Validate;
use invoicing::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{create, customer, fault, faults, is_valid, item, merged, payment, read};

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
