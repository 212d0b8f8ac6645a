use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;

/// `PutRecords` takes at most 500 records and 5 MB, keys included.
const MOST_RECORDS: usize = 500;
const MOST_BYTES: usize = 5 * 1024 * 1024;

/// How often a chunk is put before what still fails is reported to the caller, who is itself retried by Lambda.
const ATTEMPTS: u32 = 4;

/// A Kinesis client from the environment. Its own retries are off: [`Publisher`] repeats just what failed.
pub async fn connect() -> Client {
    let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(1)).operation_attempt_timeout(Duration::from_secs(4)).build();
    Client::from_conf(
        aws_sdk_kinesis::config::Builder::from(&shared).retry_config(RetryConfig::disabled()).timeout_config(timeouts).build(),
    )
}

/// What is put on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The partition key: records of one key keep their order, as far as any order is kept.
    pub key: String,
    /// The data, at most 1 MB with the key.
    pub data: Vec<u8>,
}

/// Puts records on one stream. `PutRecords` may fail in part; what failed is put again, oldest first.
#[derive(Clone, Debug)]
pub struct Publisher {
    client: Client,
    stream: String,
}

impl Publisher {
    /// A publisher to the stream of this name.
    pub fn new(client: Client, stream: impl Into<String>) -> Self {
        Self { client, stream: stream.into() }
    }

    /// The stream that it puts on.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Puts records and answers with the indices of those that did not get through, ascending.
    pub async fn publish(&self, records: &[Record]) -> Vec<usize> {
        let mut failed = Vec::new();
        for chunk in chunks(records) {
            failed.extend(self.publish_chunk(records, chunk).await);
        }
        failed
    }

    async fn publish_chunk(&self, records: &[Record], mut pending: Vec<usize>) -> Vec<usize> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                let ceiling = 50 << attempt;
                tokio::time::sleep(Duration::from_millis(fastrand::u64(ceiling / 2..=ceiling))).await;
            }
            pending = self.put(records, pending).await;
            if pending.is_empty() {
                break;
            }
        }
        pending
    }

    /// One `PutRecords` of the pending records; answers with those of them that failed.
    async fn put(&self, records: &[Record], pending: Vec<usize>) -> Vec<usize> {
        let mut request = self.client.put_records().stream_name(&self.stream);
        for Record { key, data } in pending.iter().filter_map(|index| records.get(*index)) {
            match PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new(data.as_slice())).build() {
                Ok(entry) => request = request.records(entry),
                Err(error) => {
                    tracing::error!(%error, "a record could not be built");
                    return pending;
                }
            }
        }
        match request.send().await {
            Ok(answer) => {
                let results = answer.records();
                pending
                    .into_iter()
                    .enumerate()
                    .filter(|(place, _)| results.get(*place).is_none_or(|r| r.error_code.is_some()))
                    .map(|(_, i)| i)
                    .collect()
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, stream = self.stream, "PutRecords failed");
                pending
            }
        }
    }
}

/// Cuts records into chunks that one `PutRecords` takes, as indices.
fn chunks(records: &[Record]) -> Vec<Vec<usize>> {
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, Record { key, data }) in records.iter().enumerate() {
        let size = key.len() + data.len();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < MOST_RECORDS && bytes + size <= MOST_BYTES => {
                chunk.push(index);
                bytes += size;
            }
            _ => {
                chunks.push(vec![index]);
                bytes = size;
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_the_limits_and_the_order() {
        let small: Vec<_> = (0..1_001).map(|i| Record { key: i.to_string(), data: vec![0; 10] }).collect();
        let sizes: Vec<usize> = chunks(&small).iter().map(Vec::len).collect();
        assert_eq!(sizes, [500, 500, 1]);
        assert_eq!(chunks(&small).concat(), (0..1_001).collect::<Vec<_>>());
        let large: Vec<_> = (0..11).map(|_| Record { key: "k".to_owned(), data: vec![0; 1024 * 1024 - 1] }).collect();
        assert_eq!(chunks(&large).iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 1]);
        assert!(chunks(&[]).is_empty());
    }
}
