//! A table keyed by `pk` and `sk`, and the few calls that views and feed make on such a one.

mod read;
mod scan;
mod write;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

pub(crate) use self::read::{Consistency, Found, Order, Range};
pub(crate) use self::scan::Filter;
pub use self::scan::Segment;
pub(crate) use self::write::Condition;
use crate::connection::Connection;
use crate::{Item, StoreError};

/// The views table or the feed table. Its calls have the connection's deadline
/// and count in its usage.
#[derive(Clone)]
pub(crate) struct Table {
    connection: Connection,
    name: String,
}

impl Table {
    pub(crate) fn new(connection: &Connection, name: impl Into<String>) -> Self {
        Self { connection: connection.clone(), name: name.into() }
    }

    /// The same table for calls with the deadline of this connection.
    pub(crate) fn with(&self, connection: &Connection) -> Self {
        Self::new(connection, self.name.clone())
    }
}

/// An item's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Which partition.
    pub(crate) pk: String,
    /// Where in it.
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn into_item(self) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk)),
            ("sk".to_owned(), AttributeValue::S(self.sk)),
        ])
    }
}

/// Turns a value into an item.
pub(crate) fn to_item<T: Serialize>(value: T) -> Result<Item, StoreError> {
    serde_dynamo::to_item(value).map_err(refused)
}

/// Reads an item that this crate wrote.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(refused)
}

/// Reads a stream's version: an event can follow it, so it is not the last number that there is.
pub(crate) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let version = u64::deserialize(deserializer)?;
    if version < u64::MAX {
        Ok(version)
    } else {
        Err(D::Error::custom("no event can follow this version"))
    }
}

/// An item of ours that is not what we write, or a request that is not complete: a defect, or
/// somebody's hand.
fn refused(error: impl std::error::Error) -> StoreError {
    StoreError::Refused(error.to_string())
}
