//! Histories drawn at random. Names and numbers are few, so that commands often concern the same
//! line, payment or amount.

use headwater_testkit::{AnyCommand, History};
use invoicing::*;
use proptest::prelude::*;

use crate::support::*;

/// An invoice after some commands, many of them refused or without effect.
pub(crate) fn history() -> impl Strategy<Value = History<Invoice>> {
    prop::collection::vec(step(), 0..30).prop_map(|steps| {
        let mut history =
            History::new(invoicing::invoice::stream("acme", "1").expect("a stream's name"));
        // A refusal is as good as any other outcome.
        steps.iter().for_each(|step| drop(history.run(&step.command)));
        history
    })
}

/// Any command; edits of a draft are the most frequent, since an invoice that was issued allows
/// none.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (currency_(), prop::collection::vec(item(), 0..4)).prop_map(
            |(currency, line_items)| Step::new(CreateInvoice { currency, ..create(line_items) })
        ),
        8 => edit(),
        2 => Just(issue()),
        1 => Just(send()),
        4 => paying(),
        1 => prop::sample::select(vec![
            Step::new(VoidInvoice {}),
            Step::new(DeleteInvoice {}),
            Step::new(EraseInvoice {}),
        ]),
    ]
}

/// A command for a draft.
pub(crate) fn edit() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => item().prop_map(add),
        2 => (1..5_u32, item()).prop_map(|(n, item)| change(n, item)),
        2 => (1..5_u32).prop_map(remove),
        1 => prop::sample::select(vec![acme(), bolt()]).prop_map(
            |customer| Step::new(SetInvoiceCustomer(customer))
        ),
        1 => currency_().prop_map(|currency| Step::new(SetInvoiceCurrency { currency })),
    ]
}

/// A payment; often one that pays all or too much.
pub(crate) fn paying() -> impl Strategy<Value = Step> {
    (prop::sample::select(vec!["1", "2", "4", "8.50"]), "[abc]")
        .prop_map(|(amount, reference)| pay(amount, &reference))
}

pub(crate) fn item() -> impl Strategy<Value = LineItem> {
    let quantity = prop::sample::select(vec!["1", "2", "0.5", "0.333"]);
    let unit_price = prop::sample::select(vec!["0", "1", "2", "8.50", "0.05"]);
    let tax_rate = prop::sample::select(vec!["0", "0.07", "0.19"]);
    (quantity, unit_price, tax_rate).prop_map(|(quantity, unit_price, tax_rate)| {
        crate::support::item(quantity, unit_price, tax_rate)
    })
}

fn currency_() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["EUR", "JPY", "KWD"]).prop_map(currency)
}

/// A customer after some commands.
pub(crate) fn customer_history() -> impl Strategy<Value = History<Customer>> {
    let patch = (prop::option::of(name()), prop::option::of(email()))
        .prop_map(|(name, email)| AnyCommand::new(PatchCustomer { name, email }));
    let create = (name(), email())
        .prop_map(|(name, email)| AnyCommand::new(CreateCustomer { id: None, name, email }));
    prop::collection::vec(
        prop_oneof![
            4 => create,
            8 => patch,
            1 => Just(AnyCommand::new(EraseCustomer {})),
        ],
        0..8,
    )
    .prop_map(|commands| {
        let mut history =
            History::new(invoicing::customer::stream("acme", "1").expect("a stream's name"));
        commands.iter().for_each(|command| drop(history.run(command)));
        history
    })
}

fn name() -> impl Strategy<Value = CustomerName> {
    prop::sample::select(vec!["Acme", "Bolt"]).prop_map(CustomerName::from)
}

fn email() -> impl Strategy<Value = Email> {
    prop::sample::select(vec!["pay@acme.example", "PAY@acme.example", "b@bolt.example"])
        .prop_map(Email::from)
}
