//! The floor: the item that Headwater would put, on the same condition, by the same client; made
//! beforehand.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use headwater::{Commit, Metadata, encode};
use headwater_dynamodb::{Item, commit_to_item};
use jiff::Timestamp;
use uuid::Uuid;

use super::Failure;
use super::headwater::{ACTOR, origin, stream};
use crate::account::Post;
use crate::server::create_table;

const TABLE: &str = "bare";

/// A client, and the item that it puts.
pub struct BarePut {
    client: Client,
    item: Item,
}

impl BarePut {
    pub(super) fn new(client: Client) -> Result<Self> {
        Ok(Self { client, item: item()? })
    }

    pub(super) async fn execute(&self, account: &str, nth: u64) -> Result<(), Failure> {
        let mut item = self.item.clone();
        item.insert(
            "stream".to_owned(),
            AttributeValue::S(format!("acme/bench/accounts/{account}")),
        );
        item.insert("seq".to_owned(), AttributeValue::N(nth.to_string()));
        let request = self
            .client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(seq)");
        request.send().await.map(|_| ()).map_err(|error| Failure::other(error.into_service_error()))
    }
}

/// A commit of one event, as it lies in Headwater's table.
fn item() -> Result<Item> {
    let metadata = Metadata {
        commit_id: Uuid::now_v7(),
        command: "Post".to_owned(),
        actor: ACTOR.to_owned(),
        correlation_id: origin().correlation_id,
        causation_id: None,
        traceparent: origin().traceparent,
        reason: None,
    };
    let events = vec![encode(1, &Post::nth(1).event())?];
    Ok(commit_to_item(Commit {
        stream: stream("any")?,
        first: 1,
        at: Timestamp::now(),
        metadata,
        events,
        snapshot: None,
    })?)
}

pub(super) async fn create_tables(client: &Client) -> Result<()> {
    create_table(
        client,
        TABLE,
        &[("stream", ScalarAttributeType::S), ("seq", ScalarAttributeType::N)],
    )
    .await
}
