//! What holds of every decision, in whatever state a random history ends.

use std::collections::BTreeSet;

use headwater::{Aggregate, Rejection, Rule};
use headwater_testkit::History;
use invoicing::rules::*;
use invoicing::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;

use crate::histories::{customer_history, history, step};
use crate::rows::events;

/// Each event of a history, and the invoice before and after it.
fn walk(history: &History<Invoice>) -> Vec<(Invoice, InvoiceEvent, Invoice)> {
    let mut invoice = Invoice::default();
    let events = history.commits().iter().flat_map(events::<InvoiceEvent>);
    events
        .map(|(event, at)| {
            let before = invoice.clone();
            invoice.evolve(&event, at);
            (before, event, invoice.clone())
        })
        .collect()
}

fn is_final(invoice: &Invoice) -> bool {
    matches!(invoice.status, Status::Issued | Status::Sent | Status::Paid | Status::Void)
}

fn is_refused_by(verdict: &Result<Vec<InvoiceEvent>, Rejection>, expected: &Rule) -> bool {
    matches!(verdict, Err(Rejection::Refused { rule, .. }) if *rule == expected)
}

proptest! {
    /// As `docs/reference/invoicing.md` says: a command that asks for what is already so changes
    /// nothing. Exceptions are the commands that ask for more each time, and those that need the
    /// status that they end.
    #[test]
    fn a_command_once_more_does_what_the_page_says(mut history in history(), step in step()) {
        let Ok(first) = history.run(&step.command) else { return Ok(()) };
        let again = history.run(&step.command);
        let is_as_documented = match step.name {
            "AddLineItem" => match (&first[..], again.as_deref()) {
                (
                    [InvoiceEvent::LineItemAdded(one)],
                    Ok([InvoiceEvent::LineItemAdded(other)]),
                ) => *other == Line { n: one.n + 1, ..one.clone() },
                _ => false,
            },
            "SendInvoiceToCustomer" => again.as_deref() == Ok(&first[..1]),
            "CreateInvoice" => is_refused_by(&again, &INVOICE_EXISTS),
            "IssueInvoice" => is_refused_by(&again, &INVALID_TRANSITION),
            "DeleteInvoice" => matches!(again, Err(Rejection::Unknown { .. })),
            _ => again == Ok(vec![]),
        };
        prop_assert!(is_as_documented, "{:?}, then {:?}", first, again);
    }

    /// From issuing on only the status and the payments change.
    #[test]
    fn what_was_issued_is_final(history in history()) {
        for (before, event, after) in walk(&history).iter().filter(|(before, ..)| is_final(before))
        {
            let customer = |invoice: &Invoice| {
                Some(invoice.customer.clone()).filter(|_| *event != InvoiceEvent::InvoiceErased {})
            };
            let said = |invoice: &Invoice| {
                (
                    customer(invoice),
                    invoice.currency,
                    invoice.lines.clone(),
                    invoice.totals().amounts,
                )
            };
            prop_assert_eq!(said(before), said(after), "{:?}", event);
            let mut payments = before.payments.iter();
            prop_assert!(
                payments.all(|(reference, payment)| after.payments.get(reference) == Some(payment))
            );
        }
    }

    /// Along the arrows, and never back.
    #[test]
    fn a_status_only_goes_forward(history in history()) {
        for (before, event, after) in walk(&history) {
            let allowed: &[Status] = match before.status {
                Status::Absent => &[Status::Draft],
                Status::Draft => &[Status::Draft, Status::Issued, Status::Deleted],
                Status::Issued => &[Status::Issued, Status::Sent, Status::Paid, Status::Void],
                Status::Sent => &[Status::Sent, Status::Paid, Status::Void],
                Status::Paid | Status::Void | Status::Deleted => &[],
            };
            let allowed = if event == (InvoiceEvent::InvoiceErased {}) {
                &[before.status]
            } else {
                allowed
            };
            prop_assert!(allowed.contains(&after.status), "{:?} made it {:?}", event, after.status);
        }
    }

    /// Whatever is removed in between, and whoever was refused.
    #[test]
    fn a_lines_number_is_never_used_again(history in history()) {
        let added = walk(&history).into_iter().filter_map(|(_, event, _)| match event {
            InvoiceEvent::LineItemAdded(line) => Some(line.n),
            _ => None,
        });
        let added: Vec<u32> = added.collect();
        prop_assert_eq!(&added, &(1..=added.len() as u32).collect::<Vec<_>>());
        let lines = &history.folded().state.lines;
        prop_assert!(
            lines.windows(2).all(|pair| pair[0].n < pair[1].n),
            "in order of their numbers",
        );
    }

    #[test]
    fn an_invoice_is_paid_exactly_when_a_payment_left_nothing_due(history in history()) {
        let invoice = &history.folded().state;
        let nothing_is_left = !invoice.payments.is_empty() && invoice.totals().due == Decimal::ZERO;
        prop_assert_eq!(invoice.status == Status::Paid, nothing_is_left);
        prop_assert!(invoice.status != Status::Void || invoice.payments.is_empty());
        prop_assert!(invoice.payments.is_empty() || is_final(invoice));
    }

    /// One number, in the commit that issues: so none is taken for nothing, and none is missing.
    #[test]
    fn an_invoice_has_one_number_from_issuing_on(history in history()) {
        let commits: Vec<Vec<InvoiceEvent>> =
            history
                .commits()
                .iter()
                .map(|commit| events(commit).into_iter().map(|(event, _)| event).collect())
                .collect();
        let numbers = |events: &[InvoiceEvent]| events.iter().filter(
            |event| matches!(event, InvoiceEvent::InvoiceNumberSet { .. })
        ).count();
        let issues = |events: &[InvoiceEvent]| events.contains(
            &InvoiceEvent::InvoiceStatusSet { status: Status::Issued }
        );
        prop_assert!(commits.iter().all(|events| numbers(events) == usize::from(issues(events))));
        prop_assert_eq!(
            commits.iter().filter(|events| issues(events)).count(),
            usize::from(is_final(&history.folded().state)),
        );
    }

    #[test]
    fn an_invoices_snapshot_replaces_its_history(
        history in history(),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assert_eq!(&history.loaded_from_snapshot(at), &history.folded().state);
    }

    #[test]
    fn a_customers_snapshot_replaces_its_history(
        history in customer_history(),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assert_eq!(&history.loaded_from_snapshot(at), &history.folded().state);
    }
}

/// The properties above say little if no history comes so far.
#[test]
fn histories_come_to_every_status() {
    let mut runner = TestRunner::deterministic();
    let ends = (0..1_000).map(|_| {
        history().new_tree(&mut runner).expect("a history").current().folded().state.status
    });
    let ends: BTreeSet<Status> = ends.collect();
    assert_eq!(ends.len(), 7, "{ends:?}");
}
