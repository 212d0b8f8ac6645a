//! The version that a command was decided on, beside its own members.

use invoicing::*;
use serde_json::{Value, json};

use super::{create, fault, item, merged, names_the_unknown, read};

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
