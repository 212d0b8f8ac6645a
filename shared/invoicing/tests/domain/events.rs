//! What is stored is what `docs/reference/invoicing.md` says of each event.

use std::collections::{BTreeMap, BTreeSet};

use headwater::{Event, encode};
use headwater_testkit::event_types;
use invoicing::*;

use crate::support::*;

const PAGE: &str = include_str!("../../../../docs/reference/invoicing.md");

#[test]
fn every_event_is_documented_with_its_data() {
    let stored: BTreeMap<String, BTreeSet<String>> =
        invoice_events().iter().map(names).chain(customer_events().iter().map(names)).collect();
    let types = [event_types::<InvoiceEvent>(), event_types::<CustomerEvent>()].concat();
    assert_eq!(
        stored.keys().cloned().collect::<BTreeSet<_>>(),
        types.into_iter().collect(),
        "one of each type is compared"
    );

    let (_, table) =
        PAGE.split_once("| event | data | what it says |").expect("the table of events");
    let mut documented = BTreeSet::new();
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let of_row: BTreeSet<String> = in_backticks(cells[0]);
        let found: BTreeSet<String> =
            of_row.iter().flat_map(|event_type| stored[event_type].clone()).collect();
        assert_eq!(found, in_backticks(row.split('|').nth(2).unwrap_or_default()), "{of_row:?}");
        documented.extend(of_row);
    }
    assert_eq!(documented, stored.into_keys().collect());
}

/// The event's type, and the names of its data.
fn names<E: Event>(event: &E) -> (String, BTreeSet<String>) {
    let stored = encode(1, event).expect("events serialize");
    let data = stored.data.as_object().expect("an object").keys().cloned().collect();
    (stored.event_type, data)
}

/// `id?` is called `id`.
fn in_backticks(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches('?').to_owned()).collect()
}

/// One of each type, with all that it may hold.
fn invoice_events() -> Vec<InvoiceEvent> {
    let steps = draft_and([
        change(1, item("1", "1", "0")),
        add(item("1", "1", "0")),
        remove(2),
        issue(),
        send(),
        pay("1.00", "a"),
    ]);
    let mut invoice = Invoice::default();
    let mut events = Vec::new();
    for step in &steps {
        let decided =
            step.decide(&invoice).unwrap_or_else(|refusal| panic!("{step:?}: {refusal:?}"));
        invoice = fold(invoice, &decided);
        events.extend(decided);
    }
    events.extend([InvoiceEvent::InvoiceDeleted {}, InvoiceEvent::InvoiceErased {}]);
    events
}

fn customer_events() -> [CustomerEvent; 4] {
    let (name, email) = ("Acme".into(), "pay@acme.example".into());
    [
        CustomerEvent::CustomerCreated {},
        CustomerEvent::CustomerNameSet { name },
        CustomerEvent::CustomerEmailSet { email },
        CustomerEvent::CustomerErased {},
    ]
}
