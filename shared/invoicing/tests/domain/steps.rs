//! What each command decides, event by event.

use headwater::{Number, Rejection};
use headwater_testkit::given;
use invoicing::rules::*;
use invoicing::*;
use jiff::{SignedDuration, Timestamp};

use crate::support::*;

fn status(status: Status) -> InvoiceEvent {
    InvoiceEvent::InvoiceStatusSet { status }
}

fn currency_set(code: &str) -> InvoiceEvent {
    InvoiceEvent::InvoiceCurrencySet { currency: currency(code) }
}

fn recorded(amount: &str, reference: &str) -> InvoiceEvent {
    InvoiceEvent::PaymentRecorded(Payment {
        amount: decimal(amount),
        at: now(),
        reference: reference.to_owned(),
    })
}

/// A draft with one line of 29.75 euros.
fn drafted() -> Vec<InvoiceEvent> {
    draft()[0].decide(&Invoice::default()).expect("a draft")
}

fn drafted_and(events: impl IntoIterator<Item = InvoiceEvent>) -> Vec<InvoiceEvent> {
    drafted().into_iter().chain(events).collect()
}

fn issued_and(events: impl IntoIterator<Item = InvoiceEvent>) -> Vec<InvoiceEvent> {
    let number = InvoiceEvent::InvoiceNumberSet { number: 1 };
    drafted_and(
        [number, InvoiceEvent::InvoiceDueDateSet { due_at: now() }, status(Status::Issued)]
            .into_iter()
            .chain(events),
    )
}

#[test]
fn an_invoice_with_two_lines_is_six_events() {
    let items = vec![item("2", "12.5", "0.190"), item("1.50", "3", "0")];
    given::<Invoice>([]).when(create(items)).then([
        InvoiceEvent::InvoiceCreated {},
        InvoiceEvent::InvoiceCustomerSet((&acme()).into()),
        currency_set("EUR"),
        status(Status::Draft),
        InvoiceEvent::LineItemAdded(line(1, "2", "12.50", "0.19")),
        InvoiceEvent::LineItemAdded(line(2, "1.5", "3.00", "0")),
    ]);
    given::<Invoice>([]).when(create(vec![item("1", "0.001", "0")])).then_rejected(&MINOR_UNIT);
    given(drafted()).when(create(vec![])).then_rejected(&INVOICE_EXISTS);
}

#[test]
fn the_customer_is_set_where_it_differs() {
    given(drafted()).when(SetInvoiceCustomer(acme())).then_nothing();
    given(drafted())
        .when(SetInvoiceCustomer(bolt()))
        .then([InvoiceEvent::InvoiceCustomerSet((&bolt()).into())])
        .again_nothing();
}

#[test]
fn the_currency_is_set_where_all_prices_fit() {
    let set = |code: &str| SetInvoiceCurrency { currency: currency(code) };
    given(drafted()).when(set("EUR")).then_nothing();
    given(drafted()).when(set("KWD")).then([currency_set("KWD")]).again_nothing();
    given(drafted()).when(set("JPY")).then_rejected(&MINOR_UNIT);
    given(drafted_and([InvoiceEvent::LineItemChanged(line(1, "2", "12.00", "0"))]))
        .when(set("JPY"))
        .then([currency_set("JPY")]);
}

#[test]
fn a_line_is_added_under_the_next_number_as_often_as_it_is_asked_for() {
    let added = |n| InvoiceEvent::LineItemAdded(line(n, "1", "1.00", "0"));
    given(drafted()).when(AddLineItem(item("1", "1", "0"))).then([added(2)]);
    given(drafted_and([added(2)])).when(AddLineItem(item("1", "1", "0"))).then([added(3)]);
    let removed = InvoiceEvent::LineItemRemoved { n: 2 };
    given(drafted_and([added(2), removed])).when(AddLineItem(item("1", "1", "0"))).then([added(3)]);
    given(drafted()).when(AddLineItem(item("1", "0.001", "0"))).then_rejected(&MINOR_UNIT);
}

#[test]
fn an_invoice_has_at_most_200_lines_at_once() {
    let added = |n| InvoiceEvent::LineItemAdded(line(n, "1", "1.00", "0"));
    let full: Vec<InvoiceEvent> = drafted_and((2..=200).map(added));
    given(full[..full.len() - 1].to_vec())
        .when(AddLineItem(item("1", "1", "0")))
        .then([added(200)]);
    given(full.clone()).when(AddLineItem(item("1", "1", "0"))).then_rejected(&LINE_ITEM_LIMIT);
    given(full)
        .and([InvoiceEvent::LineItemRemoved { n: 7 }])
        .when(AddLineItem(item("1", "1", "0")))
        .then([added(201)]);
}

#[test]
fn a_line_is_changed_where_it_differs() {
    let change =
        |n, quantity: &str, price: &str| ChangeLineItem { n, item: item(quantity, price, "0.19") };
    given(drafted()).when(change(1, "2", "12.50")).then_nothing();
    given(drafted()).when(change(1, "2.00", "12.500")).then_nothing();
    given(drafted())
        .when(change(1, "3", "12.5"))
        .then([InvoiceEvent::LineItemChanged(line(1, "3", "12.50", "0.19"))])
        .again_nothing();
    given(drafted()).when(change(1, "3", "12.505")).then_rejected(&MINOR_UNIT);
    given(drafted()).when(change(2, "3", "12.5")).then_unknown();
    given(drafted_and([InvoiceEvent::LineItemRemoved { n: 1 }]))
        .when(change(1, "3", "12.5"))
        .then_unknown();
}

#[test]
fn a_line_is_removed_once() {
    given(drafted())
        .when(RemoveLineItem { n: 1 })
        .then([InvoiceEvent::LineItemRemoved { n: 1 }])
        .again_nothing();
    given(drafted()).when(RemoveLineItem { n: 0 }).then_unknown();
    given(drafted()).when(RemoveLineItem { n: 2 }).then_unknown();
}

#[test]
fn issuing_takes_the_next_number_and_sets_the_due_date() {
    let term = |payment_term_days| IssueInvoice { payment_term_days };
    let issued = |due_at: &str| {
        let dated = InvoiceEvent::InvoiceDueDateSet { due_at: due_at.parse().unwrap() };
        [InvoiceEvent::InvoiceNumberSet { number: 42 }, dated, status(Status::Issued)]
    };
    given(drafted()).next_number(42).when(term(30)).then(issued("2026-01-31T23:59:59.999Z"));
    given(drafted()).next_number(42).when(term(0)).then(issued("2026-01-01T23:59:59.999Z"));
    given(drafted_and([InvoiceEvent::LineItemRemoved { n: 1 }]))
        .next_number(42)
        .when(term(30))
        .then_rejected(&NO_LINE_ITEMS);
    given(issued_and([])).next_number(42).when(term(30)).then_rejected(&INVALID_TRANSITION);
    let mut from = None;
    let InvoiceNumber(number) = InvoiceNumber::SOURCE.take(|sequence| {
        from = Some(sequence);
        42
    });
    assert_eq!((number, from), (42, Some("invoice-numbers")));
}

#[test]
fn an_invoice_is_erased_once_it_is_settled() {
    let erased = InvoiceEvent::InvoiceErased {};
    let paid = issued_and([recorded("29.75", "a"), status(Status::Paid)]);
    given(paid.clone()).when(EraseInvoice {}).then([erased.clone()]).again_nothing();
    given(issued_and([status(Status::Void)])).when(EraseInvoice {}).then([erased.clone()]);
    given(drafted_and([InvoiceEvent::InvoiceDeleted {}]))
        .when(EraseInvoice {})
        .then([erased])
        .again_nothing();
    given(drafted()).when(EraseInvoice {}).then_rejected(&INVALID_TRANSITION);
    given(issued_and([])).when(EraseInvoice {}).then_rejected(&INVALID_TRANSITION);
    given::<Invoice>([]).when(EraseInvoice {}).then_unknown();
}

#[test]
fn each_send_is_one_mail_to_the_invoices_address() {
    let send = || SendInvoiceToCustomer { subject: "S".into(), message: "M".into(), email: None };
    let sent = |email: &str| InvoiceEvent::InvoiceSent {
        subject: "S".into(),
        message: "M".into(),
        email: email.into(),
    };
    let to_acme = [sent("pay@acme.example"), status(Status::Sent)];
    given(issued_and([])).when(send()).then(to_acme.clone());
    given(issued_and(to_acme)).when(send()).then([sent("pay@acme.example")]);
    let to_bolt =
        drafted_and([InvoiceEvent::InvoiceCustomerSet((&bolt()).into()), status(Status::Issued)]);
    given(to_bolt).when(send()).then([sent("pay@bolt.example"), status(Status::Sent)]);
    // The invoice's address is wrong, and cannot be changed any more.
    let corrected = SendInvoiceToCustomer { email: Some("ap@acme.example".into()), ..send() };
    given(issued_and([]))
        .when(corrected.clone())
        .then([sent("ap@acme.example"), status(Status::Sent)]);
    given(issued_and([sent("ap@acme.example"), status(Status::Sent)]))
        .when(send())
        .then([sent("pay@acme.example")]);
    given(drafted()).when(corrected).then_rejected(&INVALID_TRANSITION);
}

#[test]
fn the_payment_after_which_nothing_is_due_makes_it_paid() {
    given(issued_and([])).when(payment("9.75", "a")).then([recorded("9.75", "a")]).again_nothing();
    given(issued_and([]))
        .when(payment("29.75", "a"))
        .then([recorded("29.75", "a"), status(Status::Paid)])
        .again_nothing();
    let partly = || issued_and([recorded("9.75", "a")]);
    given(partly())
        .when(payment("20", "b"))
        .then([recorded("20.00", "b"), status(Status::Paid)])
        .again_nothing();
    given(partly()).when(payment("19.99", "b")).then([recorded("19.99", "b")]);
    given(partly()).when(payment("20.01", "b")).then_rejected(&OVERPAID);
    given(partly()).when(payment("0.001", "b")).then_rejected(&MINOR_UNIT);
}

#[test]
fn a_payment_is_known_by_its_reference() {
    let partly = || issued_and([recorded("9.75", "a")]);
    given(partly()).when(payment("9.750", "a")).then_nothing();
    given(partly())
        .when(RecordPayment { at: now() + SignedDuration::from_nanos(999), ..payment("9.75", "a") })
        .then_nothing();
    given(partly()).when(payment("9.76", "a")).then_rejected(&PAYMENT_REFERENCE_USED);
    given(partly())
        .when(RecordPayment { at: now() + SignedDuration::from_millis(1), ..payment("9.75", "a") })
        .then_rejected(&PAYMENT_REFERENCE_USED);
    let paid = || issued_and([recorded("29.75", "a"), status(Status::Paid)]);
    given(paid()).when(payment("29.75", "a")).then_nothing();
    given(paid()).when(payment("1", "a")).then_rejected(&PAYMENT_REFERENCE_USED);
    given(paid()).when(payment("1", "b")).then_rejected(&INVALID_TRANSITION);
}

/// However Unicode writes it, and whatever stands in it that nobody sees; but case and width may
/// tell two payments apart.
#[test]
fn a_payments_reference_is_compared_in_a_normal_form_and_stored_as_given() {
    let (composed, decomposed) = ("\u{dc} 7", "U\u{308} 7");
    for (stored, given_as) in [
        (composed, decomposed),
        (decomposed, composed),
        ("TX-1", "TX-\u{200b}1"),
        ("TX\u{fe0f}", "TX"),
        ("a  7", "a 7"),
    ] {
        let partly = || issued_and([recorded("9.75", stored)]);
        given(partly()).when(payment("9.75", given_as)).then_nothing();
        given(partly()).when(payment("9.76", given_as)).then_rejected(&PAYMENT_REFERENCE_USED);
    }
    for (stored, other) in [("tx-1", "TX-1"), ("7", "７"), ("ss", "ß"), (composed, "U 7")] {
        given(issued_and([recorded("9.75", stored)]))
            .when(payment("9.75", other))
            .then([recorded("9.75", other)]);
    }
    given(issued_and([]))
        .when(payment("9.75", decomposed))
        .then([recorded("9.75", decomposed)])
        .again_nothing();
}

/// Former builds took both ways of writing a reference. Each of those payments is known as it was
/// written.
#[test]
fn payments_that_a_former_build_took_twice_are_known_each() {
    let twice = || issued_and([recorded("1.00", "\u{dc} 7"), recorded("2.00", "U\u{308} 7")]);
    given(twice()).when(payment("1.00", "\u{dc} 7")).then_nothing();
    given(twice()).when(payment("2.00", "U\u{308} 7")).then_nothing();
    given(twice()).when(payment("3.00", "U\u{308} 7")).then_rejected(&PAYMENT_REFERENCE_USED);
    given(twice()).when(payment("3.00", "\u{dc}\u{200b} 7")).then_rejected(&PAYMENT_REFERENCE_USED);
}

#[test]
fn a_payments_time_is_stored_to_the_millisecond() {
    let at: Timestamp = "2026-01-02T03:04:05.678912345Z".parse().unwrap();
    let stored = Payment {
        amount: decimal("1.00"),
        at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        reference: "a".to_owned(),
    };
    let payment = RecordPayment { at, ..payment("1", "a") };
    given(issued_and([]))
        .when(payment)
        .then([InvoiceEvent::PaymentRecorded(stored)])
        .again_nothing();
}

#[test]
fn an_invoice_is_paid_in_at_most_90_parts() {
    let cents =
        |most: u32| issued_and((0..most).map(|number| recorded("0.01", &number.to_string())));
    given(cents(89)).when(payment("0.01", "x")).then([recorded("0.01", "x")]);
    given(cents(90)).when(payment("0.01", "x")).then_rejected(&PAYMENT_LIMIT);
    given(cents(90)).when(payment("0.01", "7")).then_nothing();
}

#[test]
fn what_was_partly_paid_is_not_voided() {
    given(issued_and([])).when(VoidInvoice {}).then([status(Status::Void)]).again_nothing();
    given(issued_and([recorded("1.00", "a")])).when(VoidInvoice {}).then_rejected(&HAS_PAYMENTS);
    given(issued_and([status(Status::Sent), recorded("1.00", "a")]))
        .when(VoidInvoice {})
        .then_rejected(&HAS_PAYMENTS);
}

#[test]
fn an_invoice_over_nothing_is_issued_and_never_paid() {
    let free = drafted_and([
        InvoiceEvent::LineItemChanged(line(1, "2", "0.00", "0.19")),
        status(Status::Issued),
    ]);
    given(free.clone()).when(payment("0.01", "a")).then_rejected(&OVERPAID);
    let row = crate::rows::row(&free);
    assert!(!row.is_partly_paid() && !row.is_overdue(Timestamp::MAX));
}

#[test]
fn a_refusal_says_what_it_is_about() {
    let members = |step: &Step, steps: &[Step]| match step.decide(&invoice(steps)) {
        Err(Rejection::Refused { members, .. }) => serde_json::Value::Object(members).to_string(),
        other => panic!("{other:?}"),
    };
    let issued = draft_and([issue()]);
    assert_eq!(members(&pay("30", "a"), &issued), r#"{"due":"29.75"}"#);
    assert_eq!(
        members(&add(item("1", "0.001", "0")), &draft()),
        r#"{"currency":"EUR","decimals":2}"#
    );
    let partly = draft_and([issue(), pay("1", "a")]);
    assert_eq!(
        members(&pay("2", "a"), &partly),
        r#"{"amount":"1.00","at":"2026-01-01T00:00:00Z"}"#
    );
    assert_eq!(members(&Step::new(VoidInvoice {}), &partly), r#"{"paid":"1.00"}"#);
}
