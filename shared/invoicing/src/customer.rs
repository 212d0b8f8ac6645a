//! A customer: somebody whom invoices are sent to. Invoices carry copies, so a change here changes
//! no invoice.

use garde::Validate;
use headwater::field::given;
use headwater::{
    Aggregate, Command, Context, Event, InvalidStreamName, Rejection, Rule, StreamName,
    UniqueValue, Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
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
        name: String,
    },
    /// The address that invoices are sent to, unique in the tenant.
    CustomerEmailSet {
        /// As the customer writes it.
        email: String,
    },
}

impl Event for CustomerEvent {}

// ---- state --------------------------------------------------------------------------------------

/// What the rules about a customer need to know. Mostly some 100 bytes; 2 KB at the most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Whether there is such a customer.
    pub exists: bool,
    /// Empty if there is no customer.
    pub name: String,
    /// Empty if there is no customer.
    pub email: String,
}

impl Aggregate for Customer {
    type Event = CustomerEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    const REVISION: u32 = 1;

    fn is_there(&self) -> bool {
        self.exists
    }

    fn evolve(&mut self, event: &CustomerEvent, _: Timestamp) {
        match event {
            CustomerEvent::CustomerCreated {} => self.exists = true,
            CustomerEvent::CustomerNameSet { name } => self.name.clone_from(name),
            CustomerEvent::CustomerEmailSet { email } => self.email.clone_from(email),
        }
    }

    fn unique_values(&self) -> Vec<UniqueValue> {
        if !self.exists {
            return Vec::new();
        }
        vec![UniqueValue::new("customer-emails", &self.email, &CUSTOMER_EMAIL_TAKEN)]
    }
}

impl Customer {
    /// The events that make the fields what they should be: one for each that is given and differs.
    fn set(&self, name: Option<&str>, email: Option<&str>) -> Vec<CustomerEvent> {
        let name = name
            .filter(|new| *new != self.name)
            .map(|new| CustomerEvent::CustomerNameSet { name: new.to_owned() });
        let email = email
            .filter(|new| *new != self.email)
            .map(|new| CustomerEvent::CustomerEmailSet { email: new.to_owned() });
        name.into_iter().chain(email).collect()
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// An id is used once.
pub static CUSTOMER_EXISTS: Rule = Rule {
    name: "customer-exists",
    title: "This customer id is in use",
    help: "A customer with this id exists. Leave `id` out to be given a fresh one, or change the \
           existing customer with PATCH.",
};

/// An address has one holder in a tenant.
pub static CUSTOMER_EMAIL_TAKEN: Rule = Rule {
    name: "customer-email-taken",
    title: "Another customer has this email address",
    help: "Another customer of the tenant has this email address; case is ignored. It is free \
           again when its holder changes it.",
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
        if customer.exists {
            return Err(Rejection::refused(
                &CUSTOMER_EXISTS,
                format!("There is a customer {}.", context.id),
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
            CustomerEvent::CustomerCreated {} => false,
            CustomerEvent::CustomerNameSet { .. } => self.name.is_none(),
            CustomerEvent::CustomerEmailSet { .. } => self.email.is_none(),
        }
    }
}

#[cfg(test)]
mod tests;
