use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::kinesis::KinesisEventRecord;
use aws_sdk_s3::Client;
use headwater_kinesis::Record;
use headwater_lambda::{App, Error, Function, metric};
use serde::Deserialize;
use serde_json::Value;

use crate::relay::commit_record;

/// How many objects one run takes; the schedule brings the next run.
const OBJECTS_PER_RUN: i32 = 100;

/// Schedule → streams: what a function behind a stream gave up on lies in the failure bucket, the whole event in an object. Its records
/// are put back where they came from (those of the DynamoDB stream as the relay would have put them), then the object is deleted. Every
/// consumer takes duplicates, so a crash in between does no harm.
pub fn redrive() -> Function {
    Function::event("redrive", |app: Arc<App>, _schedule: Value, _| async move {
        let bucket = app.failures_bucket()?.to_owned();
        let s3 = Client::new(&aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await);
        let listed = s3.list_objects_v2().bucket(&bucket).max_keys(OBJECTS_PER_RUN).send().await?;
        let keys: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
        let mut redriven = 0;
        for key in &keys {
            match redrive_object(&app, &s3, &bucket, key).await {
                Ok(()) => redriven += 1,
                Err(error) => tracing::error!(key, %error, "an object could not be redriven"),
            }
        }
        metric("pipeline", "Redriven", f64::from(redriven));
        metric("pipeline", "FailureObjects", keys.len() as f64 - f64::from(redriven));
        Ok::<_, Error>(Value::Null)
    })
}

async fn redrive_object(app: &App, s3: &Client, bucket: &str, key: &str) -> Result<(), Error> {
    let object = s3.get_object().bucket(bucket).key(key).send().await?;
    let failure: Failure = serde_json::from_slice(&object.body.collect().await?.into_bytes())?;
    for (stream, records) in by_stream(failure.records()?)? {
        let publisher = match stream {
            Target::Commits => app.publisher("COMMITS_STREAM")?,
            Target::Stream(name) => app.publisher_to(&name)?,
        };
        let failed = publisher.publish(&records).await;
        if !failed.is_empty() {
            return Err(format!("{} of {} records were not taken", failed.len(), records.len()).into());
        }
    }
    s3.delete_object().bucket(bucket).key(key).send().await?;
    Ok(())
}

/// What Lambda writes to an S3 destination; the rest of it tells of the failed invocation.
#[derive(Deserialize)]
struct Failure {
    payload: Value,
}

impl Failure {
    /// The records of the event, which is along as JSON in a string.
    fn records(self) -> Result<Vec<Value>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Event {
            records: Vec<Value>,
        }
        let event: Event = match self.payload {
            Value::String(text) => serde_json::from_str(&text)?,
            object => serde_json::from_value(object)?,
        };
        Ok(event.records)
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Commits,
    Stream(String),
}

/// Sorts records by the stream that they are put back on, each stream's in order.
fn by_stream(records: Vec<Value>) -> Result<BTreeMap<Target, Vec<Record>>, Error> {
    let mut targets: BTreeMap<Target, Vec<_>> = BTreeMap::new();
    for record in records {
        if record["eventSource"] == "aws:dynamodb" {
            let record: EventRecord = serde_json::from_value(record)?;
            targets.entry(Target::Commits).or_default().extend(commit_record(&record));
        } else {
            let record: KinesisEventRecord = serde_json::from_value(record)?;
            let arn = record.event_source_arn.unwrap_or_default();
            let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
            targets
                .entry(Target::Stream(name))
                .or_default()
                .push(Record { key: record.kinesis.partition_key, data: record.kinesis.data.0 });
        }
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_go_back_to_the_stream_they_came_from() {
        let record = |data: &str| {
            json!({
                "eventSource": "aws:kinesis",
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/external-users",
                "kinesis": { "partitionKey": "k", "data": data, "sequenceNumber": "1", "approximateArrivalTimestamp": 1.5 },
            })
        };
        let event = json!({ "Records": [record("YQ=="), record("Yg==")] });
        let failure: Failure = serde_json::from_value(json!({ "version": "1.0", "payload": event.to_string() })).unwrap();
        let targets = by_stream(failure.records().unwrap()).unwrap();
        let expected = ["a", "b"].map(|data| Record { key: "k".to_owned(), data: data.into() }).to_vec();
        assert_eq!(targets, BTreeMap::from([(Target::Stream("external-users".to_owned()), expected)]));
    }
}
