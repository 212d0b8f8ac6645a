use headwater::Projection;
use invoicing::{Currency, InvoiceEvent, Line};

use super::*;

const HOSTILE: &str = "<script>alert(\"1\")</script> & 'co'";

fn at(day: u32) -> Timestamp {
    format!("2026-11-{day:02}T12:00:00Z").parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn line(
    n: u32,
    description: &str,
    quantity: &str,
    unit_price: &str,
    tax_rate: &str,
) -> InvoiceEvent {
    let (quantity, unit_price, tax_rate) =
        (decimal(quantity), decimal(unit_price), decimal(tax_rate));
    InvoiceEvent::LineItemAdded(Line {
        n,
        description: description.to_owned(),
        quantity,
        unit_price,
        tax_rate,
    })
}

fn status(status: Status) -> InvoiceEvent {
    InvoiceEvent::InvoiceStatusSet { status }
}

fn paid(amount: &str, reference: &str) -> InvoiceEvent {
    InvoiceEvent::PaymentRecorded(Payment {
        amount: decimal(amount),
        at: at(9),
        reference: reference.to_owned(),
    })
}

/// A draft for a customer of this name.
fn draft(name: &str) -> Vec<InvoiceEvent> {
    let customer =
        InvoiceCustomer { id: None, name: name.into(), email: "pay@acme.example".into() };
    let currency = Currency::from_code("EUR").unwrap();
    vec![
        InvoiceEvent::InvoiceCreated {},
        InvoiceEvent::InvoiceCustomerSet((&customer).into()),
        InvoiceEvent::InvoiceCurrencySet { currency },
        status(Status::Draft),
        line(1, "Consulting", "1000.50", "12.50", "0.19"),
        line(2, "Book", "1", "10", "0.07"),
    ]
}

/// Acme's draft, issued on the second of November as number 7 and due on the twentieth, and what
/// came after.
fn issued(events: Vec<InvoiceEvent>) -> Vec<InvoiceEvent> {
    let issue = [
        InvoiceEvent::InvoiceNumberSet { number: 7 },
        InvoiceEvent::InvoiceDueDateSet { due_at: at(20) },
        status(Status::Issued),
    ];
    [draft("Acme"), issue.to_vec(), events].concat()
}

/// The page on a day of November.
fn page(events: &[InvoiceEvent], day: u32) -> String {
    let mut invoice = InvoiceRow::default();
    events.iter().for_each(|event| invoice.evolve(event, at(2)));
    document(&"acme/invoicing/invoices/A-1".parse().unwrap(), &invoice, at(day))
}

/// The texts of the page in order, without those of its head.
fn texts(page: &str) -> Vec<String> {
    let body = page.split_once("<body>").unwrap().1;
    body.split('<')
        .filter_map(|tag| tag.split_once('>'))
        .map(|(_, text)| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn the_page_says_what_the_invoice_says() {
    let page = page(&issued(vec![paid("100.00", "bank-1")]), 10);
    #[rustfmt::skip]
    let expected = [
        "acme", "Invoice 7",
        "Bill to", "Acme", "pay@acme.example",
        "Number", "7", "Date", "2 November 2026", "Due", "20 November 2026", "Reference", "A-1",
        "#", "Description", "Quantity", "Unit price", "Tax", "Net EUR",
        "1", "Consulting", "1,000.5", "12.50", "19%", "12,506.25",
        "2", "Book", "1", "10.00", "7%", "10.00",
        "Net", "12,516.25", "Tax 7% on 10.00", "0.70", "Tax 19% on 12,506.25", "2,376.19",
        "Total EUR", "14,893.14",
        "Paid", "100.00", "Due EUR", "14,793.14",
        "EUR 14,793.14 is due by 20 November 2026. Please quote invoice 7 with your payment.",
        "Paid on", "Reference", "EUR", "9 November 2026", "bank-1", "100.00",
    ];
    assert_eq!(texts(&page), expected);
    assert!(
        page.starts_with("<!DOCTYPE html>") && page.contains("<title>Invoice 7 – acme</title>")
    );
}

#[test]
fn a_stamp_says_what_has_become_of_it() {
    let all = || paid("14893.14", "bank-1");
    for (events, day, stamp) in [
        (draft("Acme"), 30, Some("Draft")),
        (issued(vec![]), 19, None),
        (issued(vec![]), 20, None),
        (issued(vec![]), 21, Some("Overdue")),
        (issued(vec![status(Status::Sent), paid("1", "bank-1")]), 21, Some("Overdue")),
        (issued(vec![all(), status(Status::Paid)]), 30, Some("Paid")),
        (issued(vec![status(Status::Void)]), 30, Some("Void")),
        (
            vec![InvoiceEvent::InvoiceCreated {}, InvoiceEvent::InvoiceDeleted {}],
            30,
            Some("Deleted"),
        ),
    ] {
        let page = page(&events, day);
        let found = ["Draft", "Overdue", "Paid", "Void", "Deleted"]
            .into_iter()
            .find(|name| page.contains(&format!("stamp {name}")));
        assert_eq!(found, stamp, "{events:?} on day {day}");
    }
}

#[test]
fn a_draft_has_no_number_and_asks_for_nothing() {
    let texts = texts(&page(&draft("Acme"), 10));
    assert_eq!(texts[1..3], ["Invoice", "Draft"]);
    assert!(texts.contains(&"This is a draft. Nothing is to be paid yet.".to_owned()));
    assert!(
        !texts.iter().any(|text| text == "Number" || text.contains("due") || text == "Due"),
        "{texts:?}"
    );
}

#[test]
fn hostile_text_is_text() {
    let events = [
        draft(HOSTILE),
        issued(vec![line(3, HOSTILE, "1", "1", "0"), paid("1", HOSTILE)])[6..].to_vec(),
    ]
    .concat();
    let page = page(&events, 10);
    assert!(!page.contains("<script") && !page.contains("\"1\")"), "{page}");
    assert_eq!(
        page.matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; 'co'").count(),
        3,
        "{page}"
    );
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = page(&issued(vec![]), 10);
    for what in
        ["<script", "<link", "<img", "src=", "href=", "url(", "@import", " onload", " onclick"]
    {
        assert_eq!(page.find(what), None, "{what}");
    }
    assert!(page.contains("default-src 'none'"));
}

/// `?version=` may ask for the middle of the first commit.
#[test]
fn an_invoice_that_is_being_made_is_a_page_too() {
    for events in 1..6 {
        assert!(page(&draft("Acme")[..events], 10).contains("Reference"));
    }
}
