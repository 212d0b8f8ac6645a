//! What commutes with what: the table of `docs/explanation/conflicts.md`, and that both orders come
//! to the same where it says yes.

use std::collections::BTreeSet;

use headwater::{Aggregate, Personal};
use headwater_testkit::event_types;
use invoicing::*;
use proptest::prelude::*;

use crate::histories::{self, edit, paying};
use crate::support::*;

const PAGE: &str = include_str!("../../../../docs/explanation/conflicts.md");

// ---- the table ----------------------------------------------------------------------------------

#[test]
fn every_cell_of_the_documented_table_holds() {
    let rows: Vec<Vec<&str>> = PAGE.lines().filter_map(cells).collect();
    let [head, rows @ ..] = &rows[..] else { panic!("the table is gone") };
    let mut wrong = Vec::new();
    for row in rows {
        for (command, documented) in head.iter().zip(row).skip(1) {
            let found: Vec<[bool; 3]> = of_column(command)
                .iter()
                .map(|command| events(row[0]).map(|event| command.commutes_with(&event)))
                .collect();
            if found.iter().any(|found| *found != expected(documented)) {
                wrong.push(format!(
                    "{command} on top of {}: documented is {documented}, but of another, this and \
                     the same it says {found:?}",
                    row[0]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    let columns = head[1..]
        .iter()
        .flat_map(|column| of_column(column))
        .map(|step| step.name)
        .collect::<BTreeSet<_>>();
    assert_eq!(columns, commands(), "each command has a column");
    let types = rows
        .iter()
        .filter_map(|row| row[0].split(' ').next().map(str::to_owned))
        .collect::<BTreeSet<_>>();
    assert_eq!(types, event_types::<InvoiceEvent>().into_iter().collect(), "each event has a row");
    assert_eq!(
        rows.iter().map(|row| row[0]).collect::<BTreeSet<_>>().len(),
        types.len() + 4,
        "and each status one"
    );
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let row: Vec<&str> = line
        .strip_prefix("| ")?
        .strip_suffix(" |")?
        .split(" | ")
        .map(|cell| cell.trim_matches('`'))
        .collect();
    (row.len() == 8).then_some(row)
}

/// Of an event about another line or payment, about this one, and about this one that says what the
/// command says.
fn expected(cell: &str) -> [bool; 3] {
    match cell {
        "yes" => [true; 3],
        "no" => [false; 3],
        "another line" => [true, false, false],
        "another payment" => [true, false, true],
        other => panic!("the table has a cell that no test knows: {other}"),
    }
}

/// Commands about line 1 and payment `a`.
fn of_column(column: &str) -> Vec<Step> {
    match column {
        "AddLineItem" => vec![add(item("1", "1", "0"))],
        "ChangeLineItem" => vec![change(1, item("1", "1", "0"))],
        "RemoveLineItem" => vec![remove(1)],
        "SetInvoiceCustomer" => vec![Step::new(SetInvoiceCustomer(acme()))],
        "SetInvoiceCurrency" => vec![Step::new(SetInvoiceCurrency { currency: currency("EUR") })],
        "RecordPayment" => vec![pay("1", "a")],
        "all others" => {
            vec![
                Step::new(create(vec![])),
                issue(),
                send(),
                Step::new(VoidInvoice {}),
                Step::new(DeleteInvoice {}),
                Step::new(EraseInvoice {}),
            ]
        }
        other => panic!("the table has a column that no test knows: {other}"),
    }
}

fn events(row: &str) -> [InvoiceEvent; 3] {
    let payment = |amount: &str, reference: &str| {
        InvoiceEvent::PaymentRecorded(Payment {
            amount: decimal(amount),
            at: now(),
            reference: reference.to_owned(),
        })
    };
    let thrice = |event: InvoiceEvent| [event.clone(), event.clone(), event];
    match row {
        "LineItemAdded" => [(2, "2"), (1, "2"), (1, "1")]
            .map(|(n, price)| InvoiceEvent::LineItemAdded(line(n, "1", price, "0"))),
        "LineItemChanged" => [(2, "2"), (1, "2"), (1, "1")]
            .map(|(n, price)| InvoiceEvent::LineItemChanged(line(n, "1", price, "0"))),
        "LineItemRemoved" => [2, 1, 1].map(|n| InvoiceEvent::LineItemRemoved { n }),
        "PaymentRecorded" => [payment("1", "b"), payment("2", "a"), payment("1", "a")],
        "InvoiceCreated" => thrice(InvoiceEvent::InvoiceCreated {}),
        "InvoiceCustomerSet" => thrice(InvoiceEvent::InvoiceCustomerSet((&bolt()).into())),
        "InvoiceCurrencySet" => {
            thrice(InvoiceEvent::InvoiceCurrencySet { currency: currency("USD") })
        }
        "InvoiceNumberSet" => thrice(InvoiceEvent::InvoiceNumberSet { number: 1 }),
        "InvoiceDueDateSet" => thrice(InvoiceEvent::InvoiceDueDateSet { due_at: now() }),
        "InvoiceSent" => {
            let [subject, message, email] = ["S", "M", "pay@acme.example"].map(Personal::from);
            thrice(InvoiceEvent::InvoiceSent { subject, message, email })
        }
        "InvoiceDeleted" => thrice(InvoiceEvent::InvoiceDeleted {}),
        "InvoiceErased" => thrice(InvoiceEvent::InvoiceErased {}),
        other => {
            let (_, status) = other
                .split_once(' ')
                .unwrap_or_else(|| panic!("the table has a row that no test knows: {other}"));
            let status = serde_json::from_value(status.into()).expect("a status");
            thrice(InvoiceEvent::InvoiceStatusSet { status })
        }
    }
}

// ---- both orders --------------------------------------------------------------------------------

/// What two commands, one after the other, come to; nothing if either is refused. Which line has
/// which number may differ.
fn in_order(invoice: &Invoice, first: &Step, second: &Step) -> Option<Invoice> {
    let mut after = first.apply(invoice).and_then(|between| second.apply(&between)).ok()?;
    let from_before = |n: u32| if n <= invoice.last_line { n } else { 0 };
    after.lines.iter_mut().for_each(|line| line.n = from_before(line.n));
    after.lines.sort_by_key(|line| (line.n, line.quantity, line.unit_price, line.tax_rate));
    Some(after)
}

/// A draft, or what became of one.
fn invoices() -> impl Strategy<Value = Invoice> {
    let drafts = prop::collection::vec(edit(), 0..8).prop_map(|steps| apply_all(draft(), steps));
    let issued = prop::collection::vec(paying(), 0..3)
        .prop_map(|steps| apply_all(draft_and([issue()]), steps));
    prop_oneof![
        3 => drafts,
        2 => issued,
        1 => histories::history().prop_map(|history| history.folded().state.clone()),
    ]
}

fn apply_all(before: Vec<Step>, steps: Vec<Step>) -> Invoice {
    steps.iter().fold(invoice(&before), |invoice, step| step.apply(&invoice).unwrap_or(invoice))
}

fn pairs() -> impl Strategy<Value = (Step, Step)> {
    prop_oneof![(edit(), edit()), (paying(), paying()), (histories::step(), histories::step())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Where a command commutes with all that another one did, the other might as well have come
    /// second. Who did nothing never came.
    #[test]
    fn both_orders_come_to_the_same(invoice in invoices(), (one, other) in pairs()) {
        let Ok(events) = other.decide(&invoice) else { return Ok(()) };
        if !events.is_empty() && events.iter().all(|event| one.commutes_with(event)) {
            prop_assert_eq!(in_order(&invoice, &other, &one), in_order(&invoice, &one, &other));
        }
    }

    /// It makes no difference which of two concurrent callers came second: if the one would be
    /// shown a conflict, so would the other.
    #[test]
    fn commuting_is_mutual(invoice in invoices(), (one, other) in pairs()) {
        let (Ok(of_one), Ok(of_other)) = (
            one.decide(&invoice),
            other.decide(&invoice),
        ) else { return Ok(()) };
        if !of_one.is_empty() && !of_other.is_empty() {
            let commutes = |step: &Step, events: &[InvoiceEvent]| {
                events.iter().all(|event| step.commutes_with(event))
            };
            prop_assert_eq!(
                commutes(&one, &of_other),
                commutes(&other, &of_one),
                "{:?} and {:?}",
                one,
                other,
            );
        }
    }
}

// ---- the page's example -------------------------------------------------------------------------

/// What a command decided on a version comes to, given all events: the events appended, or those
/// that came between.
fn on_version(
    events: &[InvoiceEvent],
    version: usize,
    step: &Step,
) -> Result<Vec<InvoiceEvent>, Vec<InvoiceEvent>> {
    let between = &events[version..];
    if between.iter().all(|event| step.commutes_with(event)) {
        return Ok(step.decide(&fold(Invoice::default(), events)).expect("not refused"));
    }
    Err(between.to_vec())
}

#[test]
fn a_line_decided_on_version_3_goes_on_top_of_the_status_but_not_of_a_delete() {
    let mut events = create(vec![]).decide_here();
    assert_eq!(events[3..], [InvoiceEvent::InvoiceStatusSet { status: Status::Draft }]);
    let step = add(item("1", "1", "0"));
    assert_eq!(
        on_version(&events, 3, &step),
        Ok(vec![InvoiceEvent::LineItemAdded(line(1, "1", "1.00", "0"))])
    );
    events.push(InvoiceEvent::InvoiceDeleted {});
    assert_eq!(on_version(&events, 3, &step), Err(events[3..].to_vec()));
}

#[test]
fn a_line_decided_before_it_was_issued_is_a_conflict() {
    let mut events = create(vec![item("1", "1", "0")]).decide_here();
    let known = events.len();
    events.extend(issue().decide(&fold(Invoice::default(), &events)).unwrap());
    assert_eq!(
        on_version(&events, known, &add(item("1", "1", "0"))),
        Err(events[known..].to_vec())
    );
}

#[test]
fn forty_lines_on_one_version_are_all_in_once_each() {
    let mut events = create(vec![]).decide_here();
    for number in 1..=40_u32 {
        let step = add(item(&number.to_string(), "1", "0"));
        events.extend(on_version(&events, 4, &step).expect("they commute"));
    }
    let invoice = fold(Invoice::default(), &events);
    let lines: Vec<(u32, String)> =
        invoice.lines.iter().map(|line| (line.n, line.quantity.to_string())).collect();
    assert_eq!(lines, (1..=40).map(|n: u32| (n, n.to_string())).collect::<Vec<_>>());
}

trait DecideHere {
    fn decide_here(self) -> Vec<InvoiceEvent>;
}

impl DecideHere for CreateInvoice {
    fn decide_here(self) -> Vec<InvoiceEvent> {
        Step::new(self).decide(&Invoice::default()).expect("a draft")
    }
}

#[test]
fn states_compare_as_they_are_stored() {
    assert_eq!(Invoice::REVISION, 2, "whatever is compared above is all that a state has");
}
