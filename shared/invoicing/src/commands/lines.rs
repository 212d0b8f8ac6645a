use garde::{Path, Report, Validate};
use headwater::{Command, Context, Rejection, Rule, Verdict};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::LineItem;
use crate::invoice::{Invoice, InvoiceEvent, Status};
use crate::rules;
use crate::split::split;

/// `POST /invoicing/invoices/{id}/line-items`: one more line, under the next number. The same item
/// once more is one more line.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION),
/// [`LINE_ITEM_LIMIT`](crate::rules::LINE_ITEM_LIMIT), [`MINOR_UNIT`](crate::rules::MINOR_UNIT).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(transparent)]
#[garde(transparent)]
pub struct AddLineItem(#[garde(dive(None))] pub LineItem);

impl Command for AddLineItem {
    type Aggregate = Invoice;
    const NAME: &'static str = "AddLineItem";
    const RULES: &'static [&'static Rule] =
        &[&rules::INVALID_TRANSITION, &rules::LINE_ITEM_LIMIT, &rules::MINOR_UNIT];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        invoice.has_room()?;
        let line = self.0.numbered(invoice.last_line + 1, invoice.currency)?;
        Ok(vec![InvoiceEvent::LineItemAdded(line)])
    }

    /// With what happened to other lines, and to the customer. A price is meant in the currency
    /// that the caller knew.
    fn commutes_with(&self, event: &InvoiceEvent) -> bool {
        match event {
            InvoiceEvent::LineItemAdded(_)
            | InvoiceEvent::LineItemChanged(_)
            | InvoiceEvent::LineItemRemoved { .. } => true,
            InvoiceEvent::InvoiceCustomerSet(_) => true,
            event => event.begins_the_draft(),
        }
    }
}

/// `PUT /invoicing/invoices/{id}/line-items/{n}`: the line of this number is this one now.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION),
/// [`MINOR_UNIT`](crate::rules::MINOR_UNIT).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChangeLineItem {
    /// The line's number.
    #[schema(minimum = 1)]
    pub n: u32,
    /// What it is to be.
    #[serde(flatten)]
    pub item: LineItem,
}

impl<'de> Deserialize<'de> for ChangeLineItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (n, item) = split(deserializer, "n")?;
        Ok(Self { n: n.ok_or_else(|| D::Error::missing_field("n"))?, item })
    }
}

/// Violations are named as those of the item: its members stand beside `n`.
impl Validate for ChangeLineItem {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        self.item.validate_into(&None, parent, report);
    }
}

impl Command for ChangeLineItem {
    type Aggregate = Invoice;
    const NAME: &'static str = "ChangeLineItem";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION, &rules::MINOR_UNIT];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        let present = invoice.line(self.n).ok_or_else(|| unknown(self.n))?;
        let line = self.item.numbered(self.n, invoice.currency)?;
        Ok(if line == *present { vec![] } else { vec![InvoiceEvent::LineItemChanged(line)] })
    }

    /// With what happened to other lines, and to the customer. A price is meant in the currency
    /// that the caller knew.
    fn commutes_with(&self, event: &InvoiceEvent) -> bool {
        match event {
            InvoiceEvent::LineItemAdded(line) | InvoiceEvent::LineItemChanged(line) => {
                line.n != self.n
            }
            InvoiceEvent::LineItemRemoved { n } => *n != self.n,
            InvoiceEvent::InvoiceCustomerSet(_) => true,
            event => event.begins_the_draft(),
        }
    }
}

/// `DELETE /invoicing/invoices/{id}/line-items/{n}`: the line is gone. A line that was removed
/// before stays so: no change.
///
/// Refused: [`INVALID_TRANSITION`](crate::rules::INVALID_TRANSITION).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveLineItem {
    /// The line's number.
    #[garde(skip)]
    #[schema(minimum = 1)]
    pub n: u32,
}

impl Command for RemoveLineItem {
    type Aggregate = Invoice;
    const NAME: &'static str = "RemoveLineItem";
    const RULES: &'static [&'static Rule] = &[&rules::INVALID_TRANSITION];

    fn decide(&self, invoice: &Invoice, context: &Context) -> Verdict<Invoice> {
        invoice.allow(self, context, &[Status::Draft])?;
        if !(1..=invoice.last_line).contains(&self.n) {
            return Err(unknown(self.n));
        }
        Ok(invoice
            .line(self.n)
            .map(|line| InvoiceEvent::LineItemRemoved { n: line.n })
            .into_iter()
            .collect())
    }

    /// With what happened to other lines, to the customer, and with the removal of the same line:
    /// both want it gone.
    fn commutes_with(&self, event: &InvoiceEvent) -> bool {
        match event {
            InvoiceEvent::LineItemAdded(line) | InvoiceEvent::LineItemChanged(line) => {
                line.n != self.n
            }
            InvoiceEvent::LineItemRemoved { .. } | InvoiceEvent::InvoiceCustomerSet(_) => true,
            event => event.begins_the_draft(),
        }
    }
}

fn unknown(n: u32) -> Rejection {
    Rejection::unknown("line item", &n.to_string())
}
