//! Streams of DynamoDB tables.

use serde_json::{Value, json};

use super::lane::Record;
use super::source::{PAGE, Page, Position, ShardInfo, Source, now};
use crate::aws::{CallError, JsonClient};
use crate::template::REGION;

/// The stream of one table.
pub(super) struct DynamoDbStream {
    pub(super) client: JsonClient,
    /// The table's name.
    pub(super) table: String,
    /// The ARN under which the template knows the stream; records carry it.
    pub(super) template_arn: String,
}

impl DynamoDbStream {
    /// The ARN under which the server knows the stream.
    async fn arn(&self) -> Result<String, CallError> {
        let streams = self.client.call("ListStreams", &json!({ "TableName": self.table })).await?;
        match streams["Streams"][0]["StreamArn"].as_str() {
            Some(arn) => Ok(arn.to_owned()),
            None => Err(CallError::Refused {
                code: "ResourceNotFoundException".into(),
                message: format!("the table {} has no stream", self.table),
            }),
        }
    }

    fn record(&self, mut event: Value) -> Option<Record> {
        event["eventSourceARN"] = self.template_arn.as_str().into();
        event["awsRegion"] = REGION.into();
        let written = event["dynamodb"]["ApproximateCreationDateTime"].as_f64()?;
        Some(Record {
            sequence_number: event["dynamodb"]["SequenceNumber"].as_str()?.to_owned(),
            key: event["dynamodb"]["Keys"].to_string(),
            arrived_at: (written * 1000.0) as i64,
            read_at: now(),
            bytes: event.to_string().len(),
            event,
        })
    }
}

impl Source for DynamoDbStream {
    async fn shards(&self) -> Result<Vec<ShardInfo>, CallError> {
        let (arn, mut shards, mut after) = (self.arn().await?, Vec::new(), Value::Null);
        loop {
            let mut input = json!({ "StreamArn": arn });
            if !after.is_null() {
                input["ExclusiveStartShardId"] = after;
            }
            let answer = self.client.call("DescribeStream", &input).await?;
            let description = &answer["StreamDescription"];
            shards.extend(
                description["Shards"].as_array().into_iter().flatten().filter_map(shard_info),
            );
            after = description["LastEvaluatedShardId"].clone();
            if after.is_null() {
                return Ok(shards);
            }
        }
    }

    async fn iterator(&self, shard: &str, position: &Position) -> Result<String, CallError> {
        let (kind, number) = position.iterator_type();
        let mut input =
            json!({"StreamArn": self.arn().await?, "ShardId": shard, "ShardIteratorType": kind});
        if let Some(number) = number {
            input["SequenceNumber"] = number.into();
        }
        let answer = self.client.call("GetShardIterator", &input).await?;
        Ok(answer["ShardIterator"].as_str().unwrap_or_default().to_owned())
    }

    async fn read(&self, _shard: &str, iterator: &str) -> Result<Page, CallError> {
        let input = json!({"ShardIterator": iterator, "Limit": PAGE});
        let mut answer = self.client.call("GetRecords", &input).await?;
        let records = answer["Records"].as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(Page {
            at_tip: records.is_empty(),
            records: records
                .into_iter()
                .map(|record| self.record(record).ok_or(CallError::Malformed))
                .collect::<Result<_, _>>()?,
            next: answer["NextShardIterator"].as_str().map(str::to_owned),
        })
    }
}

/// A shard as both kinds of stream describe it.
pub(super) fn shard_info(shard: &Value) -> Option<ShardInfo> {
    let id = shard["ShardId"].as_str()?.to_owned();
    Some(ShardInfo { id, parent: shard["ParentShardId"].as_str().map(str::to_owned) })
}
