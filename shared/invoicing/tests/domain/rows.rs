//! What holds of every row, however its commits are delivered.

use std::collections::BTreeSet;

use headwater::{
    Aggregate, Commit, Event, IndexKey, Projection, Row, StreamName, apply_commits, decode,
};
use headwater_testkit::{assert_converges, commits, deliveries};
use invoicing::invoice_row::invoices;
use invoicing::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::histories::{customer_history, history};
use crate::support::*;

/// The row after these events, all at one time.
pub(crate) fn row(events: &[InvoiceEvent]) -> InvoiceRow {
    let mut row = InvoiceRow::default();
    events.iter().for_each(|event| row.evolve(event, now()));
    row
}

/// The row after these commits.
pub(crate) fn row_of(commits: &[Commit]) -> InvoiceRow {
    let mut row = InvoiceRow::default();
    commits.iter().flat_map(events).for_each(|(event, at)| row.evolve(&event, at));
    row
}

/// A commit's events, each with the commit's time.
pub(crate) fn events<E: Event>(commit: &Commit) -> Vec<(E, Timestamp)> {
    commit
        .events
        .iter()
        .map(|event| (decode(event).expect("an event that was written can be read"), commit.at))
        .collect()
}

/// The places in lists after these commits.
fn keys<P: Projection>(stream: &StreamName, commits: &[Commit]) -> BTreeSet<IndexKey> {
    apply_commits::<P>(stream, &Row::default(), commits).expect("events can be read").keys
}

fn stream() -> StreamName {
    invoice::stream("acme", "1").expect("a stream's name")
}

/// What these steps append, a commit each, one a second.
fn history_of(steps: &[Step]) -> Vec<Commit> {
    let mut invoice = Invoice::default();
    let decided = steps.iter().map(|step| {
        let events =
            step.decide(&invoice).unwrap_or_else(|refusal| panic!("{step:?}: {refusal:?}"));
        invoice = fold(std::mem::take(&mut invoice), &events);
        events
    });
    commits(&stream(), decided.collect::<Vec<_>>())
}

fn second(number: i64) -> Timestamp {
    now() + SignedDuration::from_secs(number)
}

// ---- convergence and agreement ------------------------------------------------------------------

proptest! {
    #[test]
    fn an_invoices_rows_converge(history in history(), deliveries in deliveries()) {
        assert_converges::<InvoiceRow>(&stream(), history.commits(), &deliveries);
    }

    #[test]
    fn a_customers_rows_converge(history in customer_history(), deliveries in deliveries()) {
        assert_converges::<CustomerRow>(
            &customer::stream("acme", "1").unwrap(),
            history.commits(),
            &deliveries,
        );
    }

    /// Row and state are folded apart, and say the same at every version, in the midst of a commit
    /// too.
    #[test]
    fn an_invoices_row_agrees_with_its_state(history in history()) {
        let (mut row, mut invoice, mut told) =
            (InvoiceRow::default(), Invoice::default(), InvoiceRow::default());
        for (event, at) in history.commits().iter().flat_map(events) {
            row.evolve(&event, at);
            invoice.evolve(&event, at);
            tell(&mut told, &event, at);
            prop_assert_eq!(&row, &expected(&invoice, &told), "after {:?}", event);
        }
    }

    /// As clients get them: every amount has all the decimals of its currency.
    #[test]
    fn amounts_are_shown_in_minor_units(history in history()) {
        let row = row_of(history.commits());
        let Some(currency) = row.currency else { return Ok(()) };
        let lines = row.line_items.iter().flat_map(|row| {
            [row.line.unit_price, row.amounts.net, row.amounts.tax, row.amounts.gross]
        });
        let totals = [
            row.totals.amounts.net,
            row.totals.amounts.tax,
            row.totals.amounts.gross,
            row.totals.paid,
            row.totals.due,
        ];
        let taxes = row.taxes.iter().flat_map(|rate| [rate.net, rate.tax]);
        let payments = row.payments.iter().map(|payment| payment.amount);
        for amount in lines.chain(totals).chain(taxes).chain(payments) {
            prop_assert_eq!(amount.scale(), currency.decimals(), "{} {:?}", amount, currency);
        }
    }

    #[test]
    fn a_customers_row_agrees_with_its_state(history in customer_history()) {
        let (mut row, mut customer) = (CustomerRow::default(), Customer::default());
        for commit in history.commits() {
            for (event, at) in events(commit) {
                row.evolve(&event, at);
                customer.evolve(&event, at);
                prop_assert_eq!(
                    (Some(&row.name), Some(&row.email), row.is_erased, row.updated_at),
                    (customer.name.known(), customer.email.known(), customer.is_erased, at),
                );
            }
            prop_assert_eq!(row.created_at, history.commits()[0].at);
        }
    }

    /// What was created when never changes, so neither does the order of the lists.
    #[test]
    fn an_invoice_keeps_its_place_among_others(history in history()) {
        for count in 1..=history.commits().len() {
            let created = IndexKey::newest_first(history.commits()[0].at);
            for key in keys::<InvoiceRow>(&stream(), &history.commits()[..count]) {
                prop_assert_eq!(key.sort, format!("{created}\0{}", 1));
            }
        }
    }
}

/// Takes what only the row tells: the number and the times.
fn tell(told: &mut InvoiceRow, event: &InvoiceEvent, at: Timestamp) {
    match event {
        InvoiceEvent::InvoiceCreated {} => told.created_at = at,
        InvoiceEvent::InvoiceNumberSet { number } => {
            (told.number, told.issued_at) = (Some(*number), Some(at))
        }
        InvoiceEvent::InvoiceDueDateSet { due_at } => told.due_at = Some(*due_at),
        InvoiceEvent::InvoiceSent { .. } => told.sent_at = Some(at),
        _ => {}
    }
}

fn expected(invoice: &Invoice, told: &InvoiceRow) -> InvoiceRow {
    let amounts = |line: &Line| {
        invoice.currency.map(|currency| Amounts::of(line, currency)).unwrap_or_default()
    };
    let mut payments: Vec<Payment> = invoice.payments.values().cloned().collect();
    payments.sort_by_key(|payment| payment.at);
    InvoiceRow {
        number: told.number,
        status: invoice.status,
        customer: invoice.customer.clone().and_then(Payer::known),
        currency: invoice.currency,
        line_items: invoice
            .lines
            .iter()
            .map(|line| LineRow { line: line.clone(), amounts: amounts(line) })
            .collect(),
        totals: invoice.totals(),
        taxes: invoice
            .currency
            .map(|currency| TaxTotal::per_rate(&invoice.lines, currency))
            .unwrap_or_default(),
        payments,
        created_at: told.created_at,
        issued_at: told.issued_at,
        due_at: told.due_at,
        sent_at: told.sent_at,
    }
}

// ---- what is shown ------------------------------------------------------------------------------

#[test]
fn an_invoice_is_shown_with_all_it_amounts_to() {
    let items = vec![item("2", "12.5", "0.19"), item("1", "10", "0.07"), item("3", "1", "0.190")];
    let row = row_of(&history_of(&[
        Step::new(create(items)),
        issue(),
        send(),
        pay("10", "b"),
        pay("5.5", "a"),
    ]));
    let line = |n: u32, quantity: &str, price: &str, rate: &str, [net, tax, gross]: [&str; 3]| {
        json!({
            "n": n, "description": "Consulting", "quantity": quantity, "unitPrice": price,
            "taxRate": rate,
            "net": net, "tax": tax, "gross": gross,
        })
    };
    let payment = |amount: &str, reference: &str| {
        json!({
            "amount": amount,
            "at": "2026-01-01T00:00:00Z",
            "reference": reference,
        })
    };
    let expected = json!({
        "number": 7,
        "status": "SENT",
        "customer": { "id": "acme", "name": "Acme", "email": "pay@acme.example" },
        "currency": "EUR",
        "lineItems": [
            line(1, "2", "12.50", "0.19", ["25.00", "4.75", "29.75"]),
            line(2, "1", "10.00", "0.07", ["10.00", "0.70", "10.70"]),
            line(3, "3", "1.00", "0.19", ["3.00", "0.57", "3.57"]),
        ],
        "totals": {
            "net": "38.00", "tax": "6.02", "gross": "44.02", "paid": "15.50", "due": "28.52",
        },
        "taxes": [
            { "rate": "0.07", "net": "10.00", "tax": "0.70" },
            { "rate": "0.19", "net": "28.00", "tax": "5.32" },
        ],
        "payments": [payment("5.50", "a"), payment("10.00", "b")],
        "createdAt": "2026-01-01T00:00:01Z",
        "issuedAt": "2026-01-01T00:00:02Z",
        "dueAt": "2026-01-31T23:59:59.999Z",
        "sentAt": "2026-01-01T00:00:03Z",
    });
    assert_eq!(serde_json::to_value(&row).unwrap(), expected);
    assert_eq!(serde_json::from_value::<InvoiceRow>(expected).unwrap(), row);
}

#[test]
fn payments_are_shown_in_order_of_time() {
    let paid_at =
        |at: Timestamp, reference: &str| Step::new(RecordPayment { at, ..payment("1", reference) });
    let steps = [paid_at(second(3), "a"), paid_at(second(1), "c"), paid_at(second(1), "b")];
    let row = row_of(&history_of(&draft_and([issue()].into_iter().chain(steps))));
    assert_eq!(
        row.payments.iter().map(|payment| payment.reference.as_str()).collect::<Vec<_>>(),
        ["b", "c", "a"]
    );
}

#[test]
fn of_a_deleted_invoice_little_is_kept_and_it_stands_in_no_list() {
    let history = history_of(&draft_and([Step::new(DeleteInvoice {})]));
    let row = row_of(&history);
    assert!(row.is_deleted());
    assert_eq!(
        row,
        InvoiceRow { status: Status::Deleted, created_at: second(1), ..InvoiceRow::default() }
    );
    assert_eq!(keys::<InvoiceRow>(&stream(), &history), BTreeSet::new());
}

#[test]
fn an_invoice_is_partly_paid_between_its_first_payment_and_its_last() {
    let partly =
        |steps: &[Step]| row_of(&history_of(&draft_and(steps.iter().cloned()))).is_partly_paid();
    assert!(!partly(&[]) && !partly(&[issue()]));
    assert!(partly(&[issue(), pay("0.01", "a")]) && partly(&[issue(), pay("29.74", "a")]));
    assert!(
        !partly(&[issue(), pay("29.75", "a")])
            && !partly(&[issue(), pay("0.01", "a"), pay("29.74", "b")])
    );
}

/// What is due *on* a day may be paid on it, to the last millisecond.
#[test]
fn an_invoice_is_overdue_once_its_due_day_is_over() {
    let [last, over]: [Timestamp; 2] =
        ["2026-01-31T23:59:59.999Z", "2026-02-01T00:00:00Z"].map(|text| text.parse().unwrap());
    let overdue = |steps: &[Step]| {
        let row = row_of(&history_of(&draft_and(steps.iter().cloned())));
        [last, over, Timestamp::MAX].map(|now| row.is_overdue(now))
    };
    assert_eq!(overdue(&[issue()]), [false, true, true]);
    assert_eq!(overdue(&[issue(), send(), pay("29.74", "a")]), [false, true, true]);
    assert_eq!(overdue(&[]), [false; 3], "a draft has no due date");
    assert_eq!(overdue(&[issue(), pay("29.75", "a")]), [false; 3]);
    assert_eq!(overdue(&[issue(), Step::new(VoidInvoice {})]), [false; 3]);
    assert_eq!(overdue(&[Step::new(DeleteInvoice {})]), [false; 3]);
}

/// Former builds stored the time of day of the issue. It is a time of the same day.
#[test]
fn an_invoice_that_a_former_build_issued_is_overdue_once_that_day_is_over() {
    for due_at in ["2026-01-31T00:00:00Z", "2026-01-31T15:30:00Z", "2026-01-31T23:59:59.999Z"] {
        let due_at: Timestamp = due_at.parse().unwrap();
        let issued = [
            InvoiceEvent::InvoiceDueDateSet { due_at },
            InvoiceEvent::InvoiceStatusSet { status: Status::Issued },
        ];
        let mut row = row_of(&history_of(&draft()));
        issued.iter().for_each(|event| row.evolve(event, now()));
        let overdue = |at: &str| row.is_overdue(at.parse().unwrap());
        assert!(
            !overdue("2026-01-31T23:59:59.999Z") && overdue("2026-02-01T00:00:00Z"),
            "{due_at}"
        );
    }
}

// ---- lists --------------------------------------------------------------------------------------

fn lists(steps: &[Step]) -> BTreeSet<String> {
    keys::<InvoiceRow>(&stream(), &history_of(steps)).into_iter().map(|key| key.index).collect()
}

#[test]
fn an_invoice_stands_in_the_lists_of_its_status_and_of_its_customer() {
    let names =
        |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let of_acme = |status: &str| {
        let of_status = ["invoices/status/", "invoices/customer/acme/status/"]
            .map(|name| name.to_owned() + status);
        names(&["invoices", "invoices/customer/acme", &of_status[0], &of_status[1]])
    };
    assert_eq!(lists(&draft()), of_acme("DRAFT"));
    assert_eq!(lists(&draft_and([issue()])), of_acme("ISSUED"));
    assert_eq!(lists(&draft_and([issue(), send()])), of_acme("SENT"));
    assert_eq!(lists(&draft_and([issue(), pay("29.75", "a")])), of_acme("PAID"));
    assert_eq!(lists(&draft_and([issue(), Step::new(VoidInvoice {})])), of_acme("VOID"));
    let of_bolt = lists(&draft_and([Step::new(SetInvoiceCustomer(bolt()))]));
    assert_eq!(
        of_bolt,
        names(&["invoices", "invoices/status/DRAFT"]),
        "Bolt is no customer of ours"
    );
    let queried = [None, Some(Status::Draft)]
        .into_iter()
        .flat_map(|status| [None, Some("acme")].map(|id| invoices(status, id)));
    assert_eq!(queried.collect::<BTreeSet<_>>(), of_acme("DRAFT"));
}

#[test]
fn the_newest_invoice_comes_first() {
    let created_at = |seconds: i64| {
        let mut commits = history_of(&draft());
        commits[0].at = second(seconds);
        keys::<InvoiceRow>(&stream(), &commits)
            .into_iter()
            .map(|key| key.sort)
            .collect::<BTreeSet<_>>()
    };
    let (older, newer) = (created_at(1), created_at(2));
    assert_eq!((older.len(), newer.len()), (1, 1), "the same place in each list");
    assert!(newer < older);
}

#[test]
fn a_customer_stands_in_the_list_of_all_and_in_that_by_address() {
    let stream = customer::stream("acme", "7").unwrap();
    let set = |email: &str| CustomerEvent::CustomerEmailSet { email: email.into() };
    let created = vec![
        CustomerEvent::CustomerCreated {},
        CustomerEvent::CustomerNameSet { name: "Acme".into() },
        set("Pay@Acme.example"),
    ];
    let newest_first = IndexKey::new("customers", &IndexKey::newest_first(second(1)), "7");
    let by_email = |email: &str| IndexKey::new("customers-by-email", email, "7");
    let places = |events: &[Vec<CustomerEvent>]| {
        keys::<CustomerRow>(&stream, &commits(&stream, events.to_vec()))
    };
    assert_eq!(
        places(std::slice::from_ref(&created)),
        BTreeSet::from([newest_first.clone(), by_email("pay@acme.example")])
    );
    assert_eq!(
        places(&[created, vec![set("bills@acme.example")]]),
        BTreeSet::from([newest_first, by_email("bills@acme.example")])
    );
}

#[test]
fn a_customer_is_shown_with_its_times() {
    let mut row = CustomerRow::default();
    row.evolve(&CustomerEvent::CustomerCreated {}, second(1));
    row.evolve(&CustomerEvent::CustomerNameSet { name: "Acme".into() }, second(1));
    row.evolve(&CustomerEvent::CustomerEmailSet { email: "Pay@Acme.example".into() }, second(2));
    let expected: Value = json!({
        "name": "Acme",
        "email": "Pay@Acme.example",
        "createdAt": "2026-01-01T00:00:01Z",
        "updatedAt": "2026-01-01T00:00:02Z",
    });
    assert_eq!(serde_json::to_value(&row).unwrap(), expected);
    assert!(!row.is_deleted());
}
