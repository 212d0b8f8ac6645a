//! Revenue is what the invoices amount to: counted from their rows as the projector does it, and
//! from their states by hand.

use std::collections::BTreeMap;

use garde::Validate;
use headwater::{Amounts, Commit, Contributions, Projection, decode};
use headwater_testkit::History;
use invoicing::revenue::{By, REVENUE, Revenue, revenue};
use invoicing::*;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::histories::step;
use crate::rows::row_of;
use crate::support::*;

/// What these invoices add to sums, added up.
fn added_up(invoices: &[Vec<Commit>]) -> Contributions {
    let mut sums = Contributions::new();
    for commits in invoices.iter().filter(|commits| !commits.is_empty()) {
        for (key, amounts) in row_of(commits).contributions(&commits[0].stream) {
            let sum = sums.entry(key).or_default();
            amounts.into_iter().for_each(|(name, amount)| *sum.entry(name).or_default() += amount);
        }
    }
    sums
}

fn report(sums: &Contributions, by: By) -> Vec<Revenue> {
    assert!(sums.keys().all(|key| key.index == REVENUE));
    revenue(sums.iter().map(|(key, amounts)| (key.order.as_str(), amounts)), by, None)
        .expect("lines of revenue")
}

/// A line of a report: period, currency, invoices, net, tax, gross, paid.
type Line = (String, String, i128, [Decimal; 4]);

fn lines(report: Vec<Revenue>) -> Vec<Line> {
    let amounts = |item: &Revenue| {
        [&item.net, &item.tax, &item.gross, &item.paid].map(|amount| decimal(amount))
    };
    report
        .into_iter()
        .map(|item| {
            (item.period.clone(), item.currency.code().to_owned(), item.invoices, amounts(&item))
        })
        .collect()
}

/// The same from the states, in decimals.
fn recounted(invoices: &[Vec<Commit>], by: By) -> Vec<Line> {
    let mut lines: BTreeMap<(String, String), (i128, [Decimal; 4])> = BTreeMap::new();
    for commits in invoices {
        let (mut invoice, mut issued_at) = (Invoice::default(), None);
        for (commit, event) in
            commits.iter().flat_map(|commit| commit.events.iter().map(move |event| (commit, event)))
        {
            let event: InvoiceEvent = decode(event).expect("an event");
            if matches!(event, InvoiceEvent::InvoiceNumberSet { .. }) {
                issued_at = Some(commit.at);
            }
            invoice = fold(invoice, &[event]);
        }
        let (Some(issued_at), Some(currency)) = (issued_at, invoice.currency) else { continue };
        if invoice.status == Status::Void {
            continue;
        }
        let mut add = |at: Timestamp, invoices: i128, amounts: [Decimal; 4]| {
            let period = at
                .to_zoned(TimeZone::UTC)
                .strftime(if by == By::Day { "%Y-%m-%d" } else { "%Y-%m" })
                .to_string();
            let line = lines.entry((period, currency.code().to_owned())).or_default();
            line.0 += invoices;
            line.1.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        };
        let Totals { amounts, .. } = invoice.totals();
        add(issued_at, 1, [amounts.net, amounts.tax, amounts.gross, Decimal::ZERO]);
        invoice.payments.values().for_each(|payment| {
            add(payment.at, 0, [Decimal::ZERO, Decimal::ZERO, Decimal::ZERO, payment.amount])
        });
    }
    lines
        .into_iter()
        .map(|((period, currency), (invoices, amounts))| (period, currency, invoices, amounts))
        .collect()
}

fn pay_on(amount: &str, reference: &str, day: i64) -> Step {
    Step::new(RecordPayment { at: later(day), ..payment(amount, reference) })
}

fn later(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

/// An invoice that many of the commands concern which make revenue, each commit some days after the
/// one before.
fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let paying = (prop::sample::select(vec!["0.05", "1", "8.50"]), "[a-e]", 0..90_i64)
        .prop_map(|(amount, by, day)| pay_on(amount, &by, day));
    let any_step = prop_oneof![3 => step(), 1 => Just(issue()), 3 => paying];
    (prop::collection::vec(any_step, 0..20), prop::collection::vec(0..40_i64, 20)).prop_map(
        |(steps, days)| {
            let mut history =
                History::new(invoicing::invoice::stream("acme", "1").expect("a stream's name"));
            draft().iter().chain(&steps).for_each(|step| drop(history.run(&step.command)));
            let mut passed = 0;
            let moved = history.commits().iter().zip(days).map(|(commit, days)| {
                passed += days;
                Commit { at: commit.at + SignedDuration::from_hours(24 * passed), ..commit.clone() }
            });
            moved.collect()
        },
    )
}

proptest! {
    #[test]
    fn revenue_is_what_the_invoices_amount_to(
        invoices in prop::collection::vec((commits(), any::<prop::sample::Index>()), 0..8),
    ) {
        // Each as of some version of it.
        let invoices: Vec<Vec<Commit>> =
            invoices
                .into_iter()
                .map(|(commits, up_to)| commits[..=up_to.index(commits.len())].to_vec())
                .collect();
        let sums = added_up(&invoices);
        for by in [By::Day, By::Month] {
            prop_assert_eq!(lines(report(&sums, by)), recounted(&invoices, by), "{:?}", by);
        }
    }
}

/// What one invoice of 29.75 euros makes of these steps: a line
/// `period invoices net tax gross paid` for each period.
#[track_caller]
fn check(steps: impl IntoIterator<Item = Step>, by: By, expected: &[&str]) {
    let mut history =
        History::new(invoicing::invoice::stream("acme", "1").expect("a stream's name"));
    draft_and(steps)
        .iter()
        .for_each(|step| drop(history.run(&step.command).expect("a step that is allowed")));
    let line = |Revenue { period, invoices, net, tax, gross, paid, .. }| {
        format!("{period} {invoices} {net} {tax} {gross} {paid}")
    };
    let found: Vec<String> =
        report(&added_up(&[history.commits().to_vec()]), by).into_iter().map(line).collect();
    assert_eq!(found, expected);
}

#[test]
fn an_invoice_is_revenue_from_its_issue_on_unless_it_is_void() {
    check([], By::Day, &[]);
    check([issue()], By::Day, &["2026-01-01 1 25.00 4.75 29.75 0.00"]);
    check([issue()], By::Month, &["2026-01 1 25.00 4.75 29.75 0.00"]);
    check([issue(), send()], By::Day, &["2026-01-01 1 25.00 4.75 29.75 0.00"]);
    check([issue(), Step::new(VoidInvoice {})], By::Day, &[]);
    check([Step::new(DeleteInvoice {})], By::Day, &[]);
}

#[test]
fn a_payment_counts_on_the_day_of_the_payment() {
    let paid = [issue(), pay_on("9.75", "a", 0), pay_on("10", "b", 45), pay_on("10", "c", 45)];
    check(
        paid.clone(),
        By::Day,
        &["2026-01-01 1 25.00 4.75 29.75 9.75", "2026-02-15 0 0.00 0.00 0.00 20.00"],
    );
    check(paid, By::Month, &["2026-01 1 25.00 4.75 29.75 9.75", "2026-02 0 0.00 0.00 0.00 20.00"]);
    let early = [issue(), pay_on("1", "a", -1)];
    check(
        early,
        By::Day,
        &["2025-12-31 0 0.00 0.00 0.00 1.00", "2026-01-01 1 25.00 4.75 29.75 0.00"],
    );
}

/// Days before the year 0 would not be in the order of their names.
#[test]
fn no_payment_was_before_1970() {
    let is_valid = |at: &str| {
        RecordPayment { at: at.parse().expect("a time"), ..payment("1", "a") }.validate().is_ok()
    };
    assert!(is_valid("1970-01-01T00:00:00Z") && is_valid("9999-12-30T22:00:00Z"));
    assert!(!is_valid("1969-12-31T23:59:59.999Z") && !is_valid("-000001-01-01T00:00:00Z"));
}

#[test]
fn a_report_may_be_of_one_currency() {
    let amounts = |net| Amounts::from([("invoices".to_owned(), 1), ("net".to_owned(), net)]);
    let sums = [
        ("2026-11-21 EUR", amounts(100)),
        ("2026-11-21 JPY", amounts(100)),
        ("2026-11-22 EUR", amounts(i128::MAX / 10)),
    ];
    let of = |only| {
        revenue(sums.iter().map(|(order, amounts)| (*order, amounts)), By::Day, only)
            .expect("lines of revenue")
    };
    assert_eq!(
        of(None).iter().map(|item| item.currency.code()).collect::<Vec<_>>(),
        ["EUR", "JPY", "EUR"]
    );
    let euros: Vec<String> = of(Some(currency("EUR"))).into_iter().map(|item| item.net).collect();
    assert_eq!(euros, ["1.00", "170141183460469231731687303715884105.72"], "all digits");
    assert!(of(Some(currency("USD"))).is_empty());
    assert_eq!(revenue([("2026-11-21", &amounts(1))], By::Day, None), None, "no line of revenue");
}
