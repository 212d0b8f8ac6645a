//! Quantities, prices, rates, counts and times.

use invoicing::*;
use serde_json::{Value, json};

use super::{create, fault, is_valid, item, payment, read};

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

/// As the table of `docs/reference/invoicing.md` says.
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
