//! Which members a body has.

use garde::Validate;
use invoicing::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{create, customer, faults, is_valid, item, merged, names_the_unknown, payment, read};

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
