//! A customer as queries show it.

use std::collections::BTreeSet;

use headwater::{IndexKey, Projection, StreamName, normalize};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::customer::{self, CustomerEvent};

/// The index of all customers, the newest first.
pub const CUSTOMERS: &str = "customers";

/// The index of all customers by [`normalize`]d email address.
pub const CUSTOMERS_BY_EMAIL: &str = "customers-by-email";

/// A customer as queries show it; its stream's name says which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerRow {
    /// As the customer writes it.
    pub name: String,
    /// As the customer writes it.
    pub email: String,
    /// When the customer was created.
    pub created_at: Timestamp,
    /// When anything of the above last changed.
    pub updated_at: Timestamp,
}

impl Projection for CustomerRow {
    type Event = CustomerEvent;
    const CATEGORY: &'static str = customer::CATEGORY;
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &CustomerEvent, at: Timestamp) {
        match event {
            CustomerEvent::CustomerCreated {} => self.created_at = at,
            CustomerEvent::CustomerNameSet { name } => self.name.clone_from(name),
            CustomerEvent::CustomerEmailSet { email } => self.email.clone_from(email),
        }
        self.updated_at = at;
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let newest_first =
            IndexKey::new(CUSTOMERS, &IndexKey::newest_first(self.created_at), stream.id());
        BTreeSet::from([
            newest_first,
            IndexKey::new(CUSTOMERS_BY_EMAIL, &normalize(&self.email), stream.id()),
        ])
    }
}
