//! How large things get, as DynamoDB bills them: what the comments and
//! `docs/reference/invoicing.md` say.

use garde::Validate;
use headwater::Projection;
use headwater_testkit::{History, bytes, commit_bytes};
use invoicing::invoice::{MOST_LINE_ITEMS, MOST_PAYMENTS, stream};
use invoicing::*;
use jiff::SignedDuration;
use serde::Serialize;

use crate::rows::row_of;
use crate::support::*;

/// The largest item, in bytes.
const ITEM: usize = 400 * 1024;

/// What the rest of a row's item may take: its key, its places in lists, what it adds to sums of 91
/// days.
const BESIDE_THE_ROW: usize = 40 * 1024;

fn size(stored: &impl Serialize) -> usize {
    bytes(&serde_json::to_value(stored).expect("what is stored serializes"))
}

/// An invoice's stream after these commands, none of which is refused.
#[track_caller]
fn history(steps: &[Step]) -> History<Invoice> {
    let mut history =
        History::new(stream("acme", uuid::Uuid::max().to_string()).expect("a stream's name"));
    for step in steps {
        history.run(&step.command).unwrap_or_else(|refusal| panic!("{step:?}: {refusal:?}"));
    }
    history
}

fn largest_commit(history: &History<Invoice>) -> usize {
    history.commits().iter().map(commit_bytes).max().unwrap_or_default()
}

// ---- what is usual ------------------------------------------------------------------------------

/// An invoice as they mostly are: an id that was made for it, a customer of ours, lines with a
/// dozen words.
fn usual(lines: usize) -> CreateInvoice {
    let customer = InvoiceCustomer {
        id: Some(uuid::Uuid::max().to_string().into()),
        name: "Acme Example Ltd".into(),
        ..acme()
    };
    let item = LineItem {
        description: "Consulting on the new warehouse's doors, in November".into(),
        ..item("12.5", "1250.00", "0.19")
    };
    CreateInvoice { customer, ..create(vec![item; lines]) }
}

#[test]
fn an_invoice_with_two_lines_is_written_in_one_write_unit() {
    let created = |lines| largest_commit(&history(&[Step::new(usual(lines))]));
    assert!((700..1_024).contains(&created(2)), "{} bytes", created(2));
    let line = created(3) - created(2);
    assert!(
        (130..140).contains(&line),
        "docs/reference/invoicing.md says how much a line adds: {line} bytes"
    );
}

/// As the comments at [`Invoice`] and its page say.
#[test]
fn a_usual_invoice_is_small() {
    let history = history(&[Step::new(usual(5)), issue(), send(), pay("1000", "2026-11-20/0815")]);
    let state = size(&history.folded().state);
    assert!((850..950).contains(&state), "{state} bytes");
    let [created, others @ ..] =
        &history.commits().iter().map(commit_bytes).collect::<Vec<_>>()[..]
    else {
        panic!("four commits")
    };
    assert!(
        *created < 1_300 && others.iter().all(|commit| (300..600).contains(commit)),
        "{created} and {others:?} bytes"
    );
}

// ---- what is largest ----------------------------------------------------------------------------

/// What bodies may hold at the most: each is valid, and its numbers have all the digits that there
/// may be.
fn largest() -> Vec<Step> {
    let name = "𝄞".repeat(200);
    let email = format!(
        "{}@{}.example",
        "x".repeat(64),
        ["y".repeat(60), "y".repeat(60), "y".repeat(59)].join(".")
    );
    let customer =
        InvoiceCustomer { id: Some("x".repeat(64).into()), name: name.into(), email: email.into() };
    let item = LineItem {
        description: "é".repeat(500).into(),
        ..item("999999999.999999", "999999999.9999", "0.999999")
    };
    let create = valid(CreateInvoice {
        customer,
        currency: currency("CLF"),
        ..create(vec![item; MOST_LINE_ITEMS])
    });
    let payment = |number: usize| {
        let at = now()
            + SignedDuration::from_hours(24 * (number as i64 - 1))
            + SignedDuration::from_millis(1);
        valid(RecordPayment {
            amount: decimal("999999999.9999"),
            at,
            reference: format!("{number:04}{}", "𝄞".repeat(49)).into(),
        })
    };
    [create, issue()].into_iter().chain((1..=MOST_PAYMENTS).map(payment)).collect()
}

fn valid<C>(command: C) -> Step
where
    C: headwater::Command<Aggregate = Invoice>
        + Validate<Context = ()>
        + Clone
        + std::fmt::Debug
        + 'static,
{
    command.validate().unwrap_or_else(|report| panic!("{}: {report}", C::NAME));
    Step::new(command)
}

/// A row over DynamoDB's limit would park its stream, a commit over it be refused. Where commit and
/// snapshot are over it together, the snapshot waits for a smaller commit.
#[test]
fn the_largest_invoice_fits() {
    let history = history(&largest());
    let (state, row, commit) =
        (size(&history.folded().state), size(&row_of(history.commits())), largest_commit(&history));
    assert!(
        (255_000..262_000).contains(&state) && (255_000..262_000).contains(&row),
        "{state} and {row} bytes"
    );
    assert!((220_000..225_000).contains(&commit), "{commit} bytes");
    assert!(row + BESIDE_THE_ROW < ITEM);
    let days = row_of(history.commits()).contributions(&history.commits()[0].stream).len();
    assert_eq!(
        days, MOST_PAYMENTS,
        "each payment is of another day, one of them that of the issue"
    );
    assert!(1 + days < 100, "the row and the lines of revenue are one transaction: {days} lines");
}

#[test]
fn a_customer_is_small() {
    let largest = Customer {
        exists: true,
        name: "𝄞".repeat(200).into(),
        email: "x".repeat(254).into(),
        is_erased: false,
    };
    assert!(size(&largest) < 2_048, "{} bytes", size(&largest));
    let usual = Customer {
        exists: true,
        name: "Acme Example Ltd".into(),
        email: "bills@acme.example".into(),
        is_erased: false,
    };
    assert!((150..200).contains(&size(&usual)), "{} bytes", size(&usual));
}
