//! Kinesis streams.

use serde_json::{Value, json};

use super::dynamodb::shard_info;
use super::lane::Record;
use super::source::{PAGE, Page, Position, ShardInfo, Source, now};
use crate::aws::{CallError, JsonClient};
use crate::template::REGION;

/// One Kinesis stream.
pub(super) struct KinesisStream {
    pub(super) client: JsonClient,
    pub(super) name: String,
    pub(super) arn: String,
    /// The ARN of the function's role, which records carry.
    pub(super) role_arn: String,
}

impl KinesisStream {
    /// A record as Lambda hands it on.
    fn record(&self, shard: &str, record: &Value) -> Option<Record> {
        let number = record["SequenceNumber"].as_str()?;
        let key = record["PartitionKey"].as_str()?;
        let arrived = record["ApproximateArrivalTimestamp"].as_f64()?;
        let event = json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": key,
                "sequenceNumber": number,
                "data": record["Data"],
                "approximateArrivalTimestamp": arrived,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{shard}:{number}"),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self.role_arn,
            "awsRegion": REGION,
            "eventSourceARN": self.arn,
        });
        Some(Record {
            sequence_number: number.to_owned(),
            key: key.to_owned(),
            arrived_at: (arrived * 1000.0) as i64,
            read_at: now(),
            bytes: event.to_string().len(),
            event,
        })
    }
}

impl Source for KinesisStream {
    async fn shards(&self) -> Result<Vec<ShardInfo>, CallError> {
        let mut input = json!({ "StreamName": self.name });
        let mut shards = Vec::new();
        loop {
            let answer = self.client.call("ListShards", &input).await?;
            shards.extend(answer["Shards"].as_array().into_iter().flatten().filter_map(shard_info));
            match &answer["NextToken"] {
                Value::Null => return Ok(shards),
                token => input = json!({ "NextToken": token }),
            }
        }
    }

    async fn iterator(&self, shard: &str, position: &Position) -> Result<String, CallError> {
        let (kind, number) = position.iterator_type();
        let mut input =
            json!({"StreamName": self.name, "ShardId": shard, "ShardIteratorType": kind});
        if let Some(number) = number {
            input["StartingSequenceNumber"] = number.into();
        }
        let answer = self.client.call("GetShardIterator", &input).await?;
        Ok(answer["ShardIterator"].as_str().unwrap_or_default().to_owned())
    }

    async fn read(&self, shard: &str, iterator: &str) -> Result<Page, CallError> {
        let input = json!({"ShardIterator": iterator, "Limit": PAGE});
        let answer = self.client.call("GetRecords", &input).await?;
        let records = answer["Records"].as_array();
        let records = records.into_iter().flatten();
        let records: Vec<Record> = records
            .map(|record| self.record(shard, record).ok_or(CallError::Malformed))
            .collect::<Result<_, _>>()?;
        Ok(Page {
            at_tip: records.is_empty() && answer["MillisBehindLatest"].as_i64().unwrap_or(0) == 0,
            records,
            next: answer["NextShardIterator"].as_str().map(str::to_owned),
        })
    }
}
