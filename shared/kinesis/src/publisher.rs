use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use tokio::time::{sleep, timeout};

/// `PutRecords` takes at most 500 records and 5 MB, keys included.
const MOST_RECORDS: usize = 500;
const MOST_BYTES: usize = 5 * 1024 * 1024;

/// How often a chunk is put before what still fails is reported to the caller, who is itself
/// retried by Lambda.
const ATTEMPTS: u32 = 4;

/// A Kinesis client of what a configuration names. Its own retries are off: [`Publisher`] repeats
/// just what failed.
///
/// ```no_run
/// # async fn test() {
/// let config = aws_config::load_from_env().await;
/// let client = headwater_kinesis::connect(&config);
/// # }
/// ```
pub fn connect(shared: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(4))
        .build();
    Client::from_conf(
        aws_sdk_kinesis::config::Builder::from(shared)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build(),
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

/// Why a record was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpublished {
    /// The stream has refused it.
    Refused,
    /// No answer came in time, so the stream may have it.
    Unknown,
}

/// What attempts to put records came to.
struct Attempted {
    /// Those not known to be on the stream, as indices.
    failed: Vec<usize>,
    /// Whether one of them may be there nevertheless.
    is_uncertain: bool,
}

/// Puts records on one stream. `PutRecords` may fail in part; what failed is put again, oldest
/// first.
///
/// ```no_run
/// use headwater_kinesis::{CommitRecord, Publisher, connect};
///
/// # async fn test(config: aws_config::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
/// let publisher = Publisher::new(connect(&config), "commits");
/// let record = CommitRecord::doorbell("acme/shop/tills/front".parse()?, 7)?;
/// let failed = publisher.publish(&[record]).await;
/// assert!(failed.is_empty(), "these have to be put again: {failed:?}");
/// # Ok(())
/// # }
/// ```
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

    /// A publisher to the stream of this name, over the same connection.
    #[must_use]
    pub fn to(&self, stream: impl Into<String>) -> Self {
        Self::new(self.client.clone(), stream)
    }

    /// The stream that it puts on.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Puts records and answers with the indices of those that did not get through, ascending.
    pub async fn publish(&self, records: &[Record]) -> Vec<usize> {
        let mut failed = Vec::new();
        for chunk in chunks(records) {
            failed.extend(self.publish_chunk(records, chunk).await.failed);
        }
        failed
    }

    /// Puts one record, for a caller who cannot try again and has to say what became of it.
    ///
    /// # Errors
    /// [`Unpublished`] if it was not done within this time.
    pub async fn publish_one(&self, record: Record, within: Duration) -> Result<(), Unpublished> {
        let records = [record];
        match timeout(within, self.publish_chunk(&records, vec![0])).await {
            Ok(Attempted { failed, .. }) if failed.is_empty() => Ok(()),
            Ok(Attempted { is_uncertain: false, .. }) => Err(Unpublished::Refused),
            Ok(_) | Err(_) => Err(Unpublished::Unknown),
        }
    }

    async fn publish_chunk(&self, records: &[Record], failed: Vec<usize>) -> Attempted {
        let mut so_far = Attempted { failed, is_uncertain: false };
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                let ceiling = 50 << attempt;
                sleep(Duration::from_millis(fastrand::u64(ceiling / 2..=ceiling))).await;
            }
            let Attempted { failed, is_uncertain } = self.put(records, so_far.failed).await;
            so_far = Attempted { failed, is_uncertain: so_far.is_uncertain || is_uncertain };
            if so_far.failed.is_empty() {
                break;
            }
        }
        so_far
    }

    /// One `PutRecords` of the pending records.
    async fn put(&self, records: &[Record], pending: Vec<usize>) -> Attempted {
        let mut request = self.client.put_records().stream_name(&self.stream);
        for Record { key, data } in pending.iter().filter_map(|index| records.get(*index)) {
            match PutRecordsRequestEntry::builder()
                .partition_key(key)
                .data(Blob::new(data.as_slice()))
                .build()
            {
                Ok(entry) => request = request.records(entry),
                Err(error) => {
                    tracing::error!(%error, "a record could not be built");
                    return Attempted { failed: pending, is_uncertain: false };
                }
            }
        }
        match request.send().await {
            Ok(answer) => {
                let results = answer.records();
                let code_of = |place: usize| {
                    results.get(place).map_or(Some("missing"), |result| result.error_code())
                };
                let is_uncertain = (0..pending.len())
                    .filter_map(code_of)
                    .any(|code| code != "ProvisionedThroughputExceededException");
                let failed = pending
                    .into_iter()
                    .enumerate()
                    .filter(|(place, _)| code_of(*place).is_some())
                    .map(|(_, index)| index);
                Attempted { failed: failed.collect(), is_uncertain }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    stream = self.stream,
                    "PutRecords failed"
                );
                Attempted { failed: pending, is_uncertain: !is_refusal(&error) }
            }
        }
    }
}

/// Whether the service has said no, so that nothing was done.
fn is_refusal<E>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        // A success that cannot be understood counts as one of these too.
        SdkError::ServiceError(service) => (400..500).contains(&service.raw().status().as_u16()),
        _ => false,
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
    use aws_sdk_kinesis::config::{Credentials, Region};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn chunks_keep_the_limits_and_the_order() {
        let small: Vec<_> =
            (0..1_001).map(|i| Record { key: i.to_string(), data: vec![0; 10] }).collect();
        let sizes: Vec<usize> = chunks(&small).iter().map(Vec::len).collect();
        assert_eq!(sizes, [500, 500, 1]);
        assert_eq!(chunks(&small).concat(), (0..1_001).collect::<Vec<_>>());
        let large: Vec<_> = (0..11)
            .map(|_| Record { key: "k".to_owned(), data: vec![0; 1024 * 1024 - 1] })
            .collect();
        assert_eq!(chunks(&large).iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 1]);
        assert!(chunks(&[]).is_empty());
    }

    /// A server that answers every request with this status and body, or none.
    async fn server(answer: Option<(u16, &'static str)>) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = Vec::new();
                // The body is an object, and comes last.
                while !request.ends_with(b"}")
                    && connection.read_buf(&mut request).await.unwrap() > 0
                {}
                if let Some((status, body)) = answer {
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: \
                         {length}\r\n\r\n"
                    );
                    connection.write_all((head + body).as_bytes()).await.unwrap();
                }
            }
        });
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version_latest()
            .region(Region::from_static("local"))
            .endpoint_url(format!("http://{address}"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .retry_config(RetryConfig::disabled());
        Client::from_conf(config.build())
    }

    #[tokio::test]
    async fn what_became_of_one_record_is_told() {
        let throttled = r#"{
            "FailedRecordCount": 1,
            "Records": [{"ErrorCode": "ProvisionedThroughputExceededException"}]
        }"#;
        let failed = r#"{"FailedRecordCount":1,"Records":[{"ErrorCode":"InternalFailure"}]}"#;
        let put = r#"{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1","ShardId":"s"}]}"#;
        for (answer, expected) in [
            (Some((200, put)), Ok(())),
            (Some((200, throttled)), Err(Unpublished::Refused)),
            (Some((200, failed)), Err(Unpublished::Unknown)),
            (Some((400, r#"{"__type":"ResourceNotFoundException"}"#)), Err(Unpublished::Refused)),
            (Some((200, "not JSON")), Err(Unpublished::Unknown)),
            (Some((500, "{}")), Err(Unpublished::Unknown)),
            (None, Err(Unpublished::Unknown)),
        ] {
            let publisher = Publisher::new(server(answer).await, "grants");
            let record = Record { key: "k".to_owned(), data: b"x".to_vec() };
            assert_eq!(
                publisher.publish_one(record, Duration::from_secs(5)).await,
                expected,
                "{answer:?}"
            );
        }
    }
}
