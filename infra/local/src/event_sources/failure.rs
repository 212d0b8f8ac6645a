//! The object that a batch becomes when it is given up, as Lambda writes it to S3.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::lane::{Batch, Condition, Record};
use crate::template::{EventSource, SourceKind};

/// A batch that was given up.
pub(super) struct Failure<'a> {
    pub(super) source: &'a EventSource,
    pub(super) function_arn: &'a str,
    pub(super) shard: &'a str,
    pub(super) batch: &'a Batch,
    pub(super) condition: Condition,
}

impl Failure<'_> {
    /// The object's key: `aws/lambda/<event source>/<shard>/<date>/<time>-<random>`.
    pub(super) fn key(&self, at: Timestamp, random: Uuid) -> String {
        let (date, time) = (at.strftime("%Y/%m/%d"), at.strftime("%Y-%m-%dT%H.%M.%S"));
        format!("aws/lambda/{}/{}/{date}/{time}-{random}", self.source.id, self.shard)
    }

    /// The object's content.
    pub(super) fn body(&self, at: Timestamp) -> Value {
        let info = match self.source.kind {
            SourceKind::DynamoDb => "DDBStreamBatchInfo",
            SourceKind::Kinesis => "KinesisBatchInfo",
        };
        let condition = match self.condition {
            Condition::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Condition::RecordAgeExceeded => "RecordAgeExceeded",
        };
        json!({
            "requestContext": {
                "requestId": Uuid::new_v4(),
                "functionArn": self.function_arn,
                "condition": condition,
                "approximateInvokeCount": self.batch.failures,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            info: self.place(),
            "payload": payload(self.batch).to_string(),
        })
    }

    /// The batch's place in the stream.
    fn place(&self) -> Value {
        let number = |record: Option<&Record>| record.map(|r| r.sequence_number.clone());
        let arrival = |record: Option<&Record>| {
            let at = Timestamp::from_millisecond(record?.arrived_at).ok()?;
            Some(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        };
        let (first, last) = (self.batch.records.first(), self.batch.records.last());
        json!({
            "shardId": self.shard,
            "startSequenceNumber": number(first),
            "endSequenceNumber": number(last),
            "approximateArrivalOfFirstRecord": arrival(first),
            "approximateArrivalOfLastRecord": arrival(last),
            "batchSize": self.batch.records.len(),
            "streamArn": self.source.stream_arn,
        })
    }
}

/// The event that a function gets for a batch.
pub(super) fn payload(batch: &Batch) -> Value {
    let records: Vec<&Value> = batch.records.iter().map(|record| &record.event).collect();
    json!({ "Records": records })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::template::Template;

    #[test]
    fn the_whole_record() {
        let text = include_str!("../template/fixture.yaml");
        let template = Template::parse(text, &BTreeMap::new(), &mut |_| Ok(String::new())).unwrap();
        let source = &template.functions[0].event_sources[0];
        let record = |number: &str, arrived_at| Record {
            sequence_number: number.into(),
            key: String::new(),
            arrived_at,
            read_at: 0,
            event: json!({ "n": number }),
            bytes: 0,
        };
        let failure = Failure {
            source,
            function_arn: "arn:f",
            shard: "shard-1",
            batch: &Batch { records: vec![record("7", 1_000), record("8", 2_500)], failures: 3 },
            condition: Condition::RetryAttemptsExhausted,
        };
        let at: Timestamp = "2026-11-14T00:38:06.021Z".parse().unwrap();
        let mut body = failure.body(at);
        assert!(body["requestContext"]["requestId"].take().is_string());
        let expected = json!({
            "requestContext": {
                "requestId": null,
                "functionArn": "arn:f",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 3,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": "2026-11-14T00:38:06.021Z",
            "DDBStreamBatchInfo": {
                "shardId": "shard-1",
                "startSequenceNumber": "7",
                "endSequenceNumber": "8",
                "approximateArrivalOfFirstRecord": "1970-01-01T00:00:01.000Z",
                "approximateArrivalOfLastRecord": "1970-01-01T00:00:02.500Z",
                "batchSize": 2,
                "streamArn": source.stream_arn,
            },
            "payload": r#"{"Records":[{"n":"7"},{"n":"8"}]}"#,
        });
        assert_eq!(body, expected);
        let key = failure.key(at, Uuid::nil());
        let folder = format!("aws/lambda/{}/shard-1/2026/11/14", source.id);
        assert_eq!(key, format!("{folder}/2026-11-14T00.38.06-{}", Uuid::nil()));
    }
}
