//! What Lambda writes to an S3 destination when a function behind a stream gives a batch up; and
//! the same of a record that a function refuses for good, so that both are read alike.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::kinesis::KinesisEventRecord;
use headwater_kinesis::Record;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Tampering, relayed};

/// A batch of records that a function gave up.
///
/// ```
/// use headwater_pipeline::{Failure, Target};
///
/// let object = r#"{
///     "requestContext": {
///         "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shop-project",
///         "condition": "RetryAttemptsExhausted",
///         "approximateInvokeCount": 6
///     },
///     "timestamp": "2026-11-14T00:38:06.021Z",
///     "payload": { "Records": [{
///         "eventSource": "aws:kinesis",
///         "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/commits",
///         "kinesis": {
///             "partitionKey": "acme/shop/tills/front", "data": "e30=", "sequenceNumber": "1",
///             "approximateArrivalTimestamp": 1.5
///         }
///     }] }
/// }"#;
/// let failure = Failure::read(object.as_bytes())?;
/// assert_eq!((failure.function.as_str(), failure.tries), ("shop-project", 6));
/// assert!(failure.records.contains_key(&Target::Stream("commits".to_owned())));
/// # Ok::<(), headwater_pipeline::UnreadableFailure>(())
/// ```
#[derive(Debug)]
pub struct Failure {
    /// The function's name.
    pub function: String,
    /// When the function gave up.
    pub at: Timestamp,
    /// Why, as Lambda says it: `RetryAttemptsExhausted`, `RecordAgeExceeded`, …; or as the function
    /// that refuses it does.
    pub condition: String,
    /// How often the function was tried, about.
    pub tries: u32,
    /// The records, by the stream that they are to be put on, each stream's in order.
    pub records: BTreeMap<Target, Vec<Record>>,
    /// The records of the events table that show tampering: they are not put back.
    pub tampering: Vec<Tampering>,
}

/// Where records are put back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// On the commits stream, as the relay does: they come from the events table.
    Commits,
    /// On the stream of this name, where they come from.
    Stream(String),
}

/// An object that is not what Lambda writes.
#[derive(Debug, thiserror::Error)]
#[error("not a batch that Lambda gave up: {0}")]
pub struct UnreadableFailure(#[from] serde_json::Error);

/// The object, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    request_context: RequestContext,
    timestamp: Timestamp,
    payload: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    function_arn: String,
    condition: String,
    #[serde(default)]
    approximate_invoke_count: u32,
}

/// The event that the function got.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    records: Vec<Value>,
}

impl Failure {
    /// Reads an object of the failures bucket.
    ///
    /// # Errors
    /// [`UnreadableFailure`].
    pub fn read(object: &[u8]) -> Result<Self, UnreadableFailure> {
        let Object { request_context, timestamp, payload } = serde_json::from_slice(object)?;
        // The event is along as JSON in a string.
        let event: Event = match payload {
            Value::String(text) => serde_json::from_str(&text)?,
            object => serde_json::from_value(object)?,
        };
        let RequestContext { function_arn, condition, approximate_invoke_count: tries } =
            request_context;
        let function = function_name(&function_arn).to_owned();
        let mut failure = Self {
            function,
            at: timestamp,
            condition,
            tries,
            records: BTreeMap::new(),
            tampering: Vec::new(),
        };
        event.records.into_iter().try_for_each(|record| failure.take(record))?;
        Ok(failure)
    }

    fn take(&mut self, record: Value) -> Result<(), serde_json::Error> {
        let (target, record) = if record["eventSource"] == "aws:dynamodb" {
            let record: EventRecord = serde_json::from_value(record)?;
            match relayed(&record) {
                Ok(Some(record)) => (Target::Commits, record),
                Ok(None) => return Ok(()),
                Err(tampering) => {
                    self.tampering.push(tampering);
                    return Ok(());
                }
            }
        } else {
            let record: KinesisEventRecord = serde_json::from_value(record)?;
            let arn = record.event_source_arn.unwrap_or_default();
            let stream = arn.rsplit('/').next().unwrap_or_default().to_owned();
            (
                Target::Stream(stream),
                Record { key: record.kinesis.partition_key, data: record.kinesis.data.0 },
            )
        };
        self.records.entry(target).or_default().push(record);
        Ok(())
    }

    /// How many records it has.
    pub fn count(&self) -> usize {
        self.records.values().map(Vec::len).sum::<usize>() + self.tampering.len()
    }

    /// How many records it has of each partition key: of each of our streams, if they come from the
    /// commits stream.
    pub fn keys(&self) -> BTreeMap<&str, usize> {
        let mut keys = BTreeMap::new();
        for record in self.records.values().flatten() {
            *keys.entry(record.key.as_str()).or_default() += 1;
        }
        keys
    }
}

/// The object of a record that a function refuses for good.
pub(crate) fn refused_record(
    function: &str,
    record: &KinesisEventRecord,
    why: &str,
) -> Result<Vec<u8>, serde_json::Error> {
    let arrived = record.kinesis.approximate_arrival_timestamp.0.timestamp_millis();
    let at = Timestamp::from_millisecond(arrived).unwrap_or_default();
    let payload = serde_json::to_string(&json!({ "Records": [record] }))?;
    let context = json!({
        "functionArn": function,
        "condition": format!("Refused: {why}"),
        "approximateInvokeCount": 1,
    });
    serde_json::to_vec(&json!({
        "requestContext": context,
        "version": "1.0",
        "timestamp": at,
        "payload": payload,
    }))
}

/// `f` of `arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST`.
fn function_name(arn: &str) -> &str {
    arn.split(':').nth(6).unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use headwater_kinesis::CommitRecord;

    use super::*;

    /// An object with these records.
    fn object(records: &[Value]) -> Vec<u8> {
        let context = json!({
            "requestId": "r",
            "functionArn":
                "arn:aws:lambda:eu-west-1:123456789012:function:identity-project:$LATEST",
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 4,
        });
        let payload = json!({ "Records": records }).to_string();
        json!({
            "requestContext": context,
            "version": "1.0",
            "timestamp": "2026-11-14T00:38:06.021Z",
            "payload": payload,
        })
        .to_string()
        .into()
    }

    fn kinesis(key: &str, data: &str) -> Value {
        json!({
            "eventSource": "aws:kinesis",
            "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/external-users",
            "kinesis": {
                "partitionKey": key, "data": data, "sequenceNumber": "1",
                "approximateArrivalTimestamp": 1.5,
            },
        })
    }

    fn dynamodb(event: &str, stream: &str) -> Value {
        let image = json!({
            "stream": { "S": stream }, "seq": { "N": "1" }, "n": { "N": "1" },
            "at": { "N": "1000" },
            "e": { "L": [{ "M": { "t": { "S": "A" }, "d": { "M": {} } } }] },
            "m": {
                "M": {
                    "i": { "S": "01936f0e-0000-7000-8000-000000000000" }, "c": { "S": "Do" },
                    "a": { "S": "ada" }, "r": { "S": "c" },
                },
            },
        });
        let keys = json!({ "stream": { "S": stream }, "seq": { "N": "1" } });
        json!({
            "awsRegion": "eu-west-1", "eventID": "1", "eventName": event,
            "eventSource": "aws:dynamodb", "eventVersion": "1.1",
            "eventSourceARN":
                "arn:aws:dynamodb:eu-west-1:123456789012:table/events/stream/2026-01-01T00:00:00.000",
            "dynamodb": {
                "ApproximateCreationDateTime": 1.0, "Keys": keys, "NewImage": image,
                "SequenceNumber": "1", "SizeBytes": 1,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    }

    #[test]
    fn records_go_back_to_the_stream_they_came_from() {
        let failure = Failure::read(&object(&[
            kinesis("k", "YQ=="),
            kinesis("l", "Yg=="),
            kinesis("k", "Yw=="),
        ]))
        .unwrap();
        let expected = [("k", "a"), ("l", "b"), ("k", "c")]
            .map(|(key, data)| Record { key: key.to_owned(), data: data.into() })
            .to_vec();
        assert_eq!(
            failure.records,
            BTreeMap::from([(Target::Stream("external-users".to_owned()), expected)])
        );
        assert_eq!((failure.count(), failure.keys()), (3, BTreeMap::from([("k", 2), ("l", 1)])));
        assert_eq!(
            (failure.function.as_str(), failure.condition.as_str(), failure.tries),
            ("identity-project", "RetryAttemptsExhausted", 4)
        );
        assert_eq!(failure.at.to_string(), "2026-11-14T00:38:06.021Z");
    }

    #[test]
    fn the_fingerprint_of_the_unique_key_goes_nowhere_but_tampering_with_it_is_told() {
        let records = [
            dynamodb("INSERT", headwater::UniqueKey::STREAM),
            dynamodb("REMOVE", headwater::UniqueKey::STREAM),
        ];
        let failure = Failure::read(&object(&records)).unwrap();
        assert_eq!((failure.records.len(), failure.tampering.len()), (0, 1));
    }

    #[test]
    fn records_of_the_events_table_go_on_as_the_relay_would_have_put_them() {
        let failure = Failure::read(&object(&[
            dynamodb("INSERT", "acme/identity/users/1"),
            dynamodb("REMOVE", "acme/identity/users/2"),
        ]))
        .unwrap();
        let records = &failure.records[&Target::Commits];
        let put: CommitRecord = serde_json::from_slice(&records[0].data).unwrap();
        assert_eq!((records.len(), put.stream.as_str(), put.last), (1, "acme/identity/users/1", 1));
        assert_eq!(failure.tampering.len(), 1);
        assert!(
            failure.tampering[0].to_string().contains("acme/identity/users/2"),
            "{}",
            failure.tampering[0]
        );
    }

    /// Read back, it is put where it came from, and says who refused it and why.
    #[test]
    fn a_record_that_was_refused_reads_as_a_batch_of_one() {
        let record: KinesisEventRecord = serde_json::from_value(kinesis("k", "YQ==")).unwrap();
        let failure = Failure::read(
            &refused_record("identity-transform-external-users", &record, "no tenant").unwrap(),
        )
        .unwrap();
        let expected = vec![Record { key: "k".to_owned(), data: b"a".to_vec() }];
        assert_eq!(
            failure.records,
            BTreeMap::from([(Target::Stream("external-users".to_owned()), expected)])
        );
        assert_eq!(
            (failure.function.as_str(), failure.condition.as_str()),
            ("identity-transform-external-users", "Refused: no tenant")
        );
        let arrived = record.kinesis.approximate_arrival_timestamp.0.timestamp_millis();
        assert_eq!(
            (failure.at.as_millisecond(), failure.tries),
            (arrived, 1),
            "it waits since it arrived"
        );
    }

    #[test]
    fn what_is_none_is_told_of() {
        assert!(Failure::read(b"{}").is_err());
        assert!(Failure::read(&object(&[json!({ "eventSource": "aws:kinesis" })])).is_err());
    }
}
