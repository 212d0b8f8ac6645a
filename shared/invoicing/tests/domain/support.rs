//! Commands and events as tests write them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use headwater::{Aggregate, Context, Decide, Number, Rejection, Verdict};
use headwater_testkit::{AnyCommand, Clock};
use invoicing::*;
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A command with its type forgotten, but for what it commutes with.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) command: AnyCommand<Invoice>,
    decide: Arc<DecideAny>,
    commutes: Arc<Commutes>,
}

type DecideAny = dyn Fn(&Invoice) -> Verdict<Invoice> + Send + Sync;
type Commutes = dyn Fn(&InvoiceEvent) -> bool + Send + Sync;

impl Step {
    pub(crate) fn new<C: Decide<Aggregate = Invoice> + Clone + Debug + 'static>(
        command: C,
    ) -> Self {
        let (decides, commutes) = (command.clone(), command.clone());
        Self {
            name: C::NAME,
            command: AnyCommand::new(command),
            decide: Arc::new(move |invoice| {
                decides.decide(invoice, &context(), C::Number::SOURCE.take(|_| 7))
            }),
            commutes: Arc::new(move |event| commutes.commutes_with(event)),
        }
    }

    pub(crate) fn decide(&self, invoice: &Invoice) -> Verdict<Invoice> {
        (self.decide)(invoice)
    }

    pub(crate) fn commutes_with(&self, event: &InvoiceEvent) -> bool {
        (self.commutes)(event)
    }

    /// The invoice afterwards.
    pub(crate) fn apply(&self, invoice: &Invoice) -> Result<Invoice, Rejection> {
        Ok(fold(invoice.clone(), &self.decide(invoice)?))
    }
}

impl Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.command.fmt(f)
    }
}

pub(crate) fn context() -> Context {
    Context { now: now(), id: "1".to_owned(), fresh_id: Uuid::nil(), actor: "tester".to_owned() }
}

pub(crate) fn now() -> Timestamp {
    Clock::default().now()
}

pub(crate) fn fold(mut invoice: Invoice, events: &[InvoiceEvent]) -> Invoice {
    events.iter().for_each(|event| invoice.evolve(event, now()));
    invoice
}

/// What these commands, none of which is refused, make of nothing.
#[track_caller]
pub(crate) fn invoice(steps: &[Step]) -> Invoice {
    steps.iter().fold(Invoice::default(), |invoice, step| {
        step.apply(&invoice).unwrap_or_else(|refusal| panic!("{step:?}: {refusal:?}"))
    })
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency")
}

pub(crate) fn acme() -> InvoiceCustomer {
    InvoiceCustomer {
        id: Some("acme".into()),
        name: "Acme".into(),
        email: "pay@acme.example".into(),
    }
}

pub(crate) fn bolt() -> InvoiceCustomer {
    InvoiceCustomer { id: None, name: "Bolt".into(), email: "pay@bolt.example".into() }
}

pub(crate) fn item(quantity: &str, unit_price: &str, tax_rate: &str) -> LineItem {
    let (quantity, unit_price, tax_rate) =
        (decimal(quantity), decimal(unit_price), decimal(tax_rate));
    LineItem { description: "Consulting".into(), quantity, unit_price, tax_rate }
}

/// The line that [`item`] makes, its numbers as they are stored.
pub(crate) fn line(n: u32, quantity: &str, unit_price: &str, tax_rate: &str) -> Line {
    let LineItem { description, quantity, unit_price, tax_rate } =
        item(quantity, unit_price, tax_rate);
    Line { n, description: description.into(), quantity, unit_price, tax_rate }
}

/// A draft in euros for Acme.
pub(crate) fn create(line_items: Vec<LineItem>) -> CreateInvoice {
    CreateInvoice { id: None, customer: acme(), currency: currency("EUR"), line_items }
}

pub(crate) fn add(item: LineItem) -> Step {
    Step::new(AddLineItem(item))
}

pub(crate) fn change(n: u32, item: LineItem) -> Step {
    Step::new(ChangeLineItem { n, item })
}

pub(crate) fn remove(n: u32) -> Step {
    Step::new(RemoveLineItem { n })
}

pub(crate) fn issue() -> Step {
    Step::new(IssueInvoice { payment_term_days: 30 })
}

pub(crate) fn send() -> Step {
    Step::new(SendInvoiceToCustomer {
        subject: "Your invoice".into(),
        message: "Please pay.\nThank you.".into(),
        email: None,
    })
}

pub(crate) fn payment(amount: &str, reference: &str) -> RecordPayment {
    RecordPayment { amount: decimal(amount), at: now(), reference: reference.into() }
}

pub(crate) fn pay(amount: &str, reference: &str) -> Step {
    Step::new(payment(amount, reference))
}

/// A draft with one line of 29.75 euros.
pub(crate) fn draft() -> Vec<Step> {
    vec![Step::new(create(vec![item("2", "12.50", "0.19")]))]
}

pub(crate) fn draft_and(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    draft().into_iter().chain(steps).collect()
}

/// The names of all that can be asked of an invoice.
pub(crate) fn commands() -> BTreeSet<&'static str> {
    BTreeSet::from([
        CreateInvoice::NAME,
        SetInvoiceCustomer::NAME,
        SetInvoiceCurrency::NAME,
        AddLineItem::NAME,
        ChangeLineItem::NAME,
        RemoveLineItem::NAME,
        IssueInvoice::NAME,
        SendInvoiceToCustomer::NAME,
        RecordPayment::NAME,
        VoidInvoice::NAME,
        DeleteInvoice::NAME,
        EraseInvoice::NAME,
    ])
}
