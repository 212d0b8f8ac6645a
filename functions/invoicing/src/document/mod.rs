//! An invoice as a page to print or send: one file without scripts and without anything to fetch.

mod format;

use headwater::StreamName;
use invoicing::{Currency, InvoiceCustomer, InvoiceRow, LineRow, Payment, Status};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rust_decimal::Decimal;

use format::{amount, date, number, percent};

/// How it looks, on a screen and on paper.
const STYLE: &str = include_str!("style.css");

/// What the page may load and run, wherever it is opened: nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The invoice as HTML, as it is at a time: what is overdue says so. The seller is the tenant.
pub(crate) fn document(stream: &StreamName, invoice: &InvoiceRow, now: Timestamp) -> String {
    let title = title(invoice);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) " – " (stream.tenant()) }
                style { (PreEscaped(STYLE)) (PreEscaped(foot(stream, &title))) }
            }
            body {
                main {
                    header {
                        p.seller { (stream.tenant()) }
                        h1 { (title) }
                        @if let Some(stamp) = stamp(invoice, now) { p.stamp.(stamp) { (stamp) } }
                    }
                    section.about {
                        @if let Some(customer) = &invoice.customer { (customer_block(customer)) }
                        (facts(stream, invoice))
                    }
                    @if let Some(currency) = invoice.currency {
                        (lines(&invoice.line_items, currency))
                        section.end {
                            (totals(invoice, currency))
                            p.note { (note(invoice, currency, now)) }
                        }
                        @if !invoice.payments.is_empty() { (payments(&invoice.payments, currency)) }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn title(invoice: &InvoiceRow) -> String {
    invoice.number.map_or_else(|| "Invoice".to_owned(), |number| format!("Invoice {number}"))
}

/// The foot of each printed page. Neither a tenant nor a title has a character that would end a
/// string of CSS.
fn foot(stream: &StreamName, title: &str) -> String {
    format!("@page {{ @bottom-left {{ content: \"{} · {title}\" }} }}", stream.tenant())
}

/// What is stamped on it, which is also the name of the stamp's style.
fn stamp(invoice: &InvoiceRow, now: Timestamp) -> Option<&'static str> {
    match invoice.status {
        Status::Draft => Some("Draft"),
        Status::Paid => Some("Paid"),
        Status::Void => Some("Void"),
        Status::Deleted => Some("Deleted"),
        _ => invoice.is_overdue(now).then_some("Overdue"),
    }
}

fn customer_block(customer: &InvoiceCustomer) -> Markup {
    html! {
        div.customer {
            h2 { "Bill to" }
            p.name dir="auto" { (customer.name) }
            p { (customer.email) }
        }
    }
}

fn facts(stream: &StreamName, invoice: &InvoiceRow) -> Markup {
    let dates = [("Date", invoice.issued_at), ("Due", invoice.due_at)];
    html! {
        dl {
            @if let Some(number) = invoice.number { dt { "Number" } dd { (number) } }
            @for (name, at) in dates {
                @if let Some(at) = at { dt { (name) } dd { (date(at)) } }
            }
            @if invoice.issued_at.is_none() { dt { "Drafted" } dd { (date(invoice.created_at)) } }
            dt { "Reference" } dd.reference { (stream.id()) }
        }
    }
}

fn lines(lines: &[LineRow], currency: Currency) -> Markup {
    html! {
        table.lines {
            thead {
                tr {
                    th scope="col" { "#" }
                    th.text scope="col" { "Description" }
                    th scope="col" { "Quantity" }
                    th scope="col" { "Unit price" }
                    th scope="col" { "Tax" }
                    th scope="col" { "Net " (currency.code()) }
                }
            }
            tbody {
                @for (place, LineRow { line, amounts }) in (1..).zip(lines) {
                    tr {
                        td { (place) }
                        td.text dir="auto" { (line.description) }
                        td { (number(line.quantity)) }
                        td { (amount(line.unit_price)) }
                        td { (percent(line.tax_rate)) }
                        td { (amount(amounts.net)) }
                    }
                }
            }
        }
    }
}

fn totals(invoice: &InvoiceRow, currency: Currency) -> Markup {
    let totals = &invoice.totals;
    let row = |class: &str, name: Markup, value: Decimal| {
        html! { tr class=(class) { th scope="row" { (name) } td { (amount(value)) } } }
    };
    html! {
        table.totals {
            tbody {
                (row("", html! { "Net" }, totals.amounts.net))
                @for tax in &invoice.taxes {
                    @let name = html! { "Tax " (percent(tax.rate)) " on " (amount(tax.net)) };
                    (row("", name, tax.tax))
                }
                (row("total", html! { "Total " (currency.code()) }, totals.amounts.gross))
                @if !totals.paid.is_zero() {
                    (row("", html! { "Paid" }, totals.paid))
                    (row("total", html! { "Due " (currency.code()) }, totals.due))
                }
            }
        }
    }
}

fn payments(payments: &[Payment], currency: Currency) -> Markup {
    html! {
        table.payments {
            thead {
                tr {
                    th.text scope="col" { "Paid on" }
                    th.text scope="col" { "Reference" }
                    th scope="col" { (currency.code()) }
                }
            }
            tbody {
                @for payment in payments {
                    tr {
                        td.text { (date(payment.at)) }
                        td.text dir="auto" { (payment.reference) }
                        td { (amount(payment.amount)) }
                    }
                }
            }
        }
    }
}

/// What the customer is to do.
fn note(invoice: &InvoiceRow, currency: Currency, now: Timestamp) -> String {
    let due = format!("{} {}", currency.code(), amount(invoice.totals.due));
    match (invoice.status, invoice.number, invoice.due_at) {
        (Status::Draft, ..) => "This is a draft. Nothing is to be paid yet.".to_owned(),
        (Status::Void, ..) => "This invoice is void. Nothing is to be paid.".to_owned(),
        (Status::Paid, ..) => "Paid in full. Thank you.".to_owned(),
        (_, Some(number), Some(due_at)) if !invoice.totals.due.is_zero() => {
            let by = if invoice.is_overdue(now) { "was due on" } else { "is due by" };
            format!("{due} {by} {}. Please quote invoice {number} with your payment.", date(due_at))
        }
        _ => "Nothing is to be paid.".to_owned(),
    }
}

#[cfg(test)]
mod tests;
