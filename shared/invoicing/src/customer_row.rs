//! A customer as queries show it.

use std::collections::BTreeSet;

use headwater::{IndexKey, Personal, Projection, StreamName, normalize};
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
    /// Whether it is forgotten; then only the times are kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_erased: bool,
}

/// Empty once it is forgotten: then a later event says so.
fn shown(text: &Personal<String>) -> String {
    text.known().cloned().unwrap_or_default()
}

impl Projection for CustomerRow {
    type Event = CustomerEvent;
    const CATEGORY: &'static str = customer::CATEGORY;
    const REVISION: u32 = 2;

    fn evolve(&mut self, event: &CustomerEvent, at: Timestamp) {
        match event {
            CustomerEvent::CustomerCreated {} => self.created_at = at,
            CustomerEvent::CustomerNameSet { name } => self.name = shown(name),
            CustomerEvent::CustomerEmailSet { email } => self.email = shown(email),
            CustomerEvent::CustomerErased {} => {
                *self = Self { is_erased: true, created_at: self.created_at, ..Self::default() }
            }
        }
        self.updated_at = at;
    }

    fn is_deleted(&self) -> bool {
        self.is_erased
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
