//! What an invoice consists of, as it is stored.

use garde::Validate;
use headwater::Personal;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::decimal;
use crate::fields::{CustomerId, CustomerName, Email};

/// Where in its life an invoice is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Never created.
    #[default]
    Absent,
    /// May be changed, and has no number yet.
    Draft,
    /// Has a number and a due date; what it says is final.
    Issued,
    /// The customer was sent it.
    Sent,
    /// Nothing is due any more, the last payment made it so.
    Paid,
    /// Counts for nothing; its number stays used.
    Void,
    /// Was a draft, and never comes back.
    Deleted,
}

impl Status {
    /// As `DRAFT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "ABSENT",
            Self::Draft => "DRAFT",
            Self::Issued => "ISSUED",
            Self::Sent => "SENT",
            Self::Paid => "PAID",
            Self::Void => "VOID",
            Self::Deleted => "DELETED",
        }
    }
}

/// Who is to pay an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvoiceCustomer {
    /// The customer of ours that this is a copy of, if there is one.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
    /// As the invoice shows it.
    #[garde(dive)]
    pub name: CustomerName,
    /// Where the invoice is sent.
    #[garde(dive)]
    pub email: Email,
}

/// Who is to pay an invoice, as events and states hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payer {
    /// The customer of ours that this is a copy of, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
    /// As the invoice shows it.
    pub name: Personal<String>,
    /// Where the invoice is sent.
    pub email: Personal<String>,
}

impl From<&InvoiceCustomer> for Payer {
    fn from(customer: &InvoiceCustomer) -> Self {
        let InvoiceCustomer { id, name, email } = customer.clone();
        Self { id, name: name.into(), email: email.into() }
    }
}

impl Payer {
    /// As queries show it; `None` once it is forgotten.
    pub fn known(self) -> Option<InvoiceCustomer> {
        let (name, email) = (self.name.into_known()?.into(), self.email.into_known()?.into());
        Some(InvoiceCustomer { id: self.id, name, email })
    }
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its number in the invoice: 1, 2, 3… in the order in which lines were added, never used
    /// again.
    pub n: u32,
    /// What is to be paid for.
    pub description: String,
    /// How many or how much of it.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "2")]
    pub quantity: Decimal,
    /// The price of one, without tax, in the invoice's currency.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "12.50")]
    pub unit_price: Decimal,
    /// The rate of tax that is applied, as a fraction.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "0.19")]
    pub tax_rate: Decimal,
}

/// A payment for an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// How much, in the invoice's currency.
    #[serde(with = "decimal")]
    #[schema(value_type = String, example = "12.50")]
    pub amount: Decimal,
    /// When the money came in.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// What tells it from the invoice's other payments, as the bank's transaction id.
    pub reference: String,
}
