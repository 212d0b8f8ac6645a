//! What comes by streams: a record of Kinesis rings for the projectors, one of the events table's
//! stream becomes such a record, a grant is written. Whatever is in it, that is an answer or an
//! error.
#![no_main]

use std::time::{Duration, Instant};

use aws_lambda_events::dynamodb::EventRecord;
use aws_lambda_events::kinesis::KinesisEvent;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater_dynamodb::{CommitItem, Projector};
use headwater_fuzz::{Tables, at_once, domains};
use headwater_kinesis::{CommitRecord, Record};
use libfuzzer_sys::fuzz_target;
use licensing::{Grant, GrantKey};
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    project(data);
    if let Some(put) = serde_json::from_slice(data).ok().and_then(relayed) {
        serde_json::from_slice::<CommitRecord>(&put.data).expect("what is relayed is read");
        // The same record, as a projector gets it.
        project(&put.data);
    }
    if let Ok(grant) = serde_json::from_slice::<Grant>(data) {
        let key = GrantKey::new(&[7; 32]).expect("32 bytes");
        assert_eq!(key.verify(&key.sign(&grant)), Ok(grant));
    }
});

/// As the relay does.
fn relayed(record: EventRecord) -> Option<Record> {
    let item: CommitItem = serde_dynamo::from_item(record.change.new_image).ok()?;
    CommitRecord::encode(item.try_into().ok()?).ok()
}

/// Twice, as everything may come.
fn project(data: &[u8]) {
    let record = json!({
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "1",
        "eventName": "aws:kinesis:record", "awsRegion": "r",
        "kinesis": {
            "data": STANDARD.encode(data), "partitionKey": "k", "sequenceNumber": "1",
            "approximateArrivalTimestamp": 1.0,
        },
    });
    let event: KinesisEvent =
        serde_json::from_value(json!({ "Records": [record, record] })).expect("an event");
    at_once(async {
        let store = Tables::default().store();
        for service in domains().iter() {
            let projector =
                Projector::new(store.clone(), "views", "feed", service.name, service.projections);
            let projector = projector.within(Instant::now() + Duration::from_secs(1));
            for _ in 0..2 {
                headwater_functions::project_batch(&projector, service.name, &event).await;
            }
        }
    });
}
