//! A customer: somebody whom invoices are sent to. Invoices carry copies, so a change here changes
//! no invoice.

use garde::Validate;
use headwater::field::given;
use headwater::{
    Aggregate, Command, Context, Event, InvalidStreamName, Personal, Rejection, Rule, StreamName,
    UniqueValue, Upcaster, Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::DOMAIN;
use crate::fields::{CustomerId, CustomerName, Email};

/// The category of the streams of customers.
pub const CATEGORY: &str = "customers";

/// The stream of a customer: `<tenant>/invoicing/customers/<id>`.
///
/// # Errors
/// [`InvalidStreamName`] if tenant or id is no segment.
pub fn stream(tenant: &str, id: impl Into<CustomerId>) -> Result<StreamName, InvalidStreamName> {
    StreamName::new(tenant, DOMAIN, CATEGORY, &id.into())
}

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to a customer. Each field is set by one event of its own, which says only
/// what it is now.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum CustomerEvent {
    /// The customer came to be. The events that follow in the same commit say the rest.
    CustomerCreated {},
    /// The name that invoices show.
    CustomerNameSet {
        /// As the customer writes it.
        name: Personal<String>,
    },
    /// The address that invoices are sent to, unique in the tenant.
    CustomerEmailSet {
        /// As the customer writes it.
        email: Personal<String>,
    },
    /// Nobody can read any more who the customer was, and it is gone for good.
    CustomerErased {},
}

impl Event for CustomerEvent {
    /// Version 1 was written before the fields were personal. It is read as it is.
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster { event_type: "CustomerNameSet", from: 1, lift: |old| old },
        Upcaster { event_type: "CustomerEmailSet", from: 1, lift: |old| old },
    ];
    const FORGETS: Option<&'static str> = Some("CustomerErased");
}

// ---- state --------------------------------------------------------------------------------------

/// What the rules about a customer need to know. Mostly some 170 bytes; 2 KB at the most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Whether there is such a customer.
    pub exists: bool,
    /// Empty if there is no customer.
    pub name: Personal<String>,
    /// Empty if there is no customer.
    pub email: Personal<String>,
    /// Whether there was one that is forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_erased: bool,
}

impl Aggregate for Customer {
    type Event = CustomerEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 2;

    fn is_there(&self) -> bool {
        self.exists
    }

    fn evolve(&mut self, event: &CustomerEvent, _: Timestamp) {
        match event {
            CustomerEvent::CustomerCreated {} => self.exists = true,
            CustomerEvent::CustomerNameSet { name } => self.name.clone_from(name),
            CustomerEvent::CustomerEmailSet { email } => self.email.clone_from(email),
            CustomerEvent::CustomerErased {} => *self = Self { is_erased: true, ..Self::default() },
        }
    }

    fn unique_values(&self) -> Vec<UniqueValue> {
        if !self.exists {
            return Vec::new();
        }
        let email = self.email.known();
        let value = |email| UniqueValue::new("customer-emails", email, &CUSTOMER_EMAIL_TAKEN);
        email.map(|email| value(email)).into_iter().collect()
    }

    /// A snapshot of revision 1 has the same fields, not yet sealed.
    fn lift(revision: u32, state: &Value) -> Option<Self> {
        Self::deserialize(state).ok().filter(|_| revision == 1)
    }
}

impl Customer {
    /// The events that make the fields what they should be: one for each that is given and differs.
    fn set(&self, name: Option<&str>, email: Option<&str>) -> Vec<CustomerEvent> {
        let differs = |new: Option<&str>, old: &Personal<String>| {
            new.map(Personal::from).filter(|new: &Personal<String>| new != old)
        };
        let name = differs(name, &self.name).map(|name| CustomerEvent::CustomerNameSet { name });
        let email =
            differs(email, &self.email).map(|email| CustomerEvent::CustomerEmailSet { email });
        name.into_iter().chain(email).collect()
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// An id is used once.
pub static CUSTOMER_EXISTS: Rule = Rule {
    name: "customer-exists",
    title: "This customer id is in use",
    help: "A customer with this id exists, or was erased. Leave `id` out to be given a fresh one, \
           or change the existing customer with PATCH.",
};

/// An address has one holder in a tenant.
pub static CUSTOMER_EMAIL_TAKEN: Rule = Rule {
    name: "customer-email-taken",
    title: "Another customer has this email address",
    help: "Another customer of the tenant has this email address; case is ignored. It is free \
           again when its holder changes it or is erased.",
};

// ---- commands -----------------------------------------------------------------------------------

/// `POST /invoicing/customers`: a customer.
///
/// Refused: [`CUSTOMER_EXISTS`], [`CUSTOMER_EMAIL_TAKEN`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateCustomer {
    /// A UUID v7 is made if it is left out.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
    /// As invoices show it.
    #[garde(dive)]
    pub name: CustomerName,
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    pub email: Email,
}

impl Command for CreateCustomer {
    type Aggregate = Customer;
    const NAME: &'static str = "CreateCustomer";
    const RULES: &'static [&'static Rule] = &[&CUSTOMER_EXISTS, &CUSTOMER_EMAIL_TAKEN];

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        if customer.exists || customer.is_erased {
            return Err(Rejection::refused(
                &CUSTOMER_EXISTS,
                format!("There is or was a customer {}.", context.id),
            ));
        }
        let mut events = vec![CustomerEvent::CustomerCreated {}];
        events.extend(customer.set(Some(&self.name), Some(&self.email)));
        Ok(events)
    }
}

/// `PATCH /invoicing/customers/{id}`: sets the fields that are given; null is refused, since none
/// of them can be cleared.
///
/// Refused: [`CUSTOMER_EMAIL_TAKEN`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchCustomer {
    /// As invoices show it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<CustomerName>,
    /// Unique in the tenant without regard to case.
    #[garde(dive)]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<Email>,
}

impl Command for PatchCustomer {
    type Aggregate = Customer;
    const NAME: &'static str = "PatchCustomer";
    const RULES: &'static [&'static Rule] = &[&CUSTOMER_EMAIL_TAKEN];

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        if !customer.exists {
            return Err(Rejection::unknown("customer", &context.id));
        }
        Ok(customer.set(self.name.as_deref(), self.email.as_deref()))
    }

    /// With a change of the field that it leaves alone.
    fn commutes_with(&self, event: &CustomerEvent) -> bool {
        match event {
            CustomerEvent::CustomerCreated {} | CustomerEvent::CustomerErased {} => false,
            CustomerEvent::CustomerNameSet { .. } => self.name.is_none(),
            CustomerEvent::CustomerEmailSet { .. } => self.email.is_none(),
        }
    }
}

/// `POST /invoicing/customers/{id}/erase`: forgets the customer. Its address is free again, the id
/// is not. Invoices have copies: each is erased for itself, once the law lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseCustomer {}

impl Command for EraseCustomer {
    type Aggregate = Customer;
    const NAME: &'static str = "EraseCustomer";

    fn decide(&self, customer: &Customer, context: &Context) -> Verdict<Customer> {
        match (customer.exists, customer.is_erased) {
            (_, true) => Ok(vec![]),
            (true, false) => Ok(vec![CustomerEvent::CustomerErased {}]),
            (false, false) => Err(Rejection::unknown("customer", &context.id)),
        }
    }
}

#[cfg(test)]
mod tests;
