//! How far each stream has been fed, which makes a list of all streams too.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures::future::try_join_all;
use headwater::StreamName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Feed;
use crate::StoreError;
use crate::table::{Condition, Consistency, Key, Order, Range, Table, from_item, to_item, version};

/// Over so many partitions a domain's streams are spread, since each of their commits writes there.
const BUCKETS: u64 = 16;

#[derive(Serialize, Deserialize)]
struct FedItem {
    pk: String,
    sk: String,
    #[serde(rename = "v", deserialize_with = "version")]
    version: u64,
}

impl Feed {
    /// The streams of a tenant's domain, with the versions that the feed has got to. Their names,
    /// without tenant and domain, begin with `prefix` (as `users/`) and come after `after`: at most
    /// `limit`, in order of name.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn streams(
        &self,
        tenant: &str,
        domain: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(StreamName, u64)>, StoreError> {
        // Whatever begins with the prefix comes after what sorts before the prefix itself.
        let after = after.filter(|after| *after >= prefix);
        if after.is_some_and(|after| !after.starts_with(prefix)) {
            return Ok(Vec::new());
        }
        let buckets = (0..BUCKETS).map(|bucket| async move {
            let range = Range {
                pk: partition(tenant, domain, bucket),
                prefix,
                after,
                limit,
                order: Order::Forwards,
            };
            let items = self.table.query_all(range, Consistency::Strong).await?;
            items
                .into_iter()
                .map(|item| read(tenant, domain, from_item(item)?))
                .collect::<Result<Vec<_>, StoreError>>()
        });
        let mut streams = try_join_all(buckets).await?.concat();
        streams.sort_unstable();
        streams.truncate(limit);
        Ok(streams)
    }

    /// The version of a stream that its feed has got to, 0 before any.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn reached(&self, stream: &StreamName) -> Result<u64, StoreError> {
        fed_version(&self.table, stream).await
    }
}

/// The version that the feed has reached, 0 before any.
pub(super) async fn fed_version(table: &Table, stream: &StreamName) -> Result<u64, StoreError> {
    let item = table.get(key(stream), Consistency::Strong).await?;
    Ok(item.map(from_item::<FedItem>).transpose()?.map_or(0, |item| item.version))
}

/// Moves a stream's fed version on from what it was, as part of a transaction.
pub(super) fn move_on(
    table: &Table,
    stream: &StreamName,
    from: u64,
    to: u64,
) -> Result<TransactWriteItem, StoreError> {
    let unmoved = match from {
        0 => Condition::absent(),
        _ => Condition {
            expression: "v = :v",
            values: vec![(":v", AttributeValue::N(from.to_string()))],
        },
    };
    let Key { pk, sk } = key(stream);
    table.put(to_item(FedItem { pk, sk, version: to })?, Some(unmoved))
}

fn read(tenant: &str, domain: &str, item: FedItem) -> Result<(StreamName, u64), StoreError> {
    Ok((format!("{tenant}/{domain}/{}", item.sk).parse()?, item.version))
}

fn key(stream: &StreamName) -> Key {
    let name = stream.within_tenant().split_once('/').map_or("", |(_, name)| name);
    Key { pk: partition(stream.tenant(), stream.domain(), bucket(name)), sk: name.to_owned() }
}

fn partition(tenant: &str, domain: &str, bucket: u64) -> String {
    format!("{tenant}/{domain}/streams/{bucket}")
}

/// The same for ever, unlike the hashes of the standard library.
fn bucket(name: &str) -> u64 {
    u64::from(Sha256::digest(name)[0]) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_found_where_it_was_put_for_ever() {
        let stream = "acme/identity/groups/7/members/4".parse().unwrap();
        let Key { pk, sk } = key(&stream);
        assert_eq!((pk.as_str(), sk.as_str()), ("acme/identity/streams/6", "groups/7/members/4"));
    }

    #[test]
    fn streams_are_spread_evenly() {
        let mut sizes = [0; BUCKETS as usize];
        for id in 0..1_600 {
            sizes[bucket(&format!("users/{id}")) as usize] += 1;
        }
        assert!(sizes.iter().all(|size| (50..150).contains(size)), "{sizes:?}");
    }
}
