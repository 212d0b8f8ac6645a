use std::sync::Arc;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use headwater_dynamodb::EventStore;
use headwater_kinesis::{Publisher, Record};
use headwater_lambda::deployment::{
    COMMITS_STREAM, EVENTS_TABLE, KEEP_FAILURES, LIST_FAILURES, PUT_COMMITS, Role, Source,
    SourceKind, Statement,
};
use headwater_lambda::{App, Error, Function, metric};
use headwater_pipeline::{Tampering, relayed};

/// DynamoDB stream of the events table → commits stream: each new commit, keyed by its stream,
/// without its snapshot.
///
/// DynamoDB Streams keep order per item only and `PutRecords` may fail in part, so no order is
/// promised: a record is a doorbell, and the projector reads what it lacks. Items of the events
/// table are never changed, and only removed once the archive has them. So MODIFY is tampering, and
/// so is any other REMOVE: they raise the alarm's metric and are not relayed.
pub(crate) fn relay() -> Function {
    let source = Source {
        name: "Commits",
        kind: SourceKind::DynamoDb,
        stream: "!GetAtt EventsTable.StreamArn",
        batch: 500,
        at_once: 1,
        // Nothing brings a commit onto Kinesis again by itself: a batch is tried for 22 of the 24
        // hours that the stream keeps it.
        retries: 10_000,
        patience: 79_200,
        timeout: 60,
        concurrency: "RelayConcurrency",
        when_late: "Commits reach Kinesis a minute late.".to_owned(),
    };
    Function::stream("relay", source, &RELAY, |app: Arc<App>, event: Event, _| async move {
        let answer =
            relay_batch(app.publisher("COMMITS_STREAM")?, &app.whole_store()?, &event).await;
        metric("pipeline", "RelayFailedRecords", answer.batch_item_failures.len() as f64);
        Ok::<_, Error>(answer)
    })
}

static RELAY: Role = Role {
    name: "Relay",
    variables: &[EVENTS_TABLE, COMMITS_STREAM],
    statements: &[
        Statement {
            actions: &[
                "dynamodb:DescribeStream",
                "dynamodb:ListStreams",
                "dynamodb:GetShardIterator",
                "dynamodb:GetRecords",
            ],
            resources: &["!GetAtt EventsTable.StreamArn"],
        },
        PUT_COMMITS,
        KEEP_FAILURES,
        LIST_FAILURES,
    ],
};

/// Puts a batch's commits, and answers with those that did not get through. Public for the
/// simulation.
pub async fn relay_batch(
    publisher: &Publisher,
    store: &EventStore,
    event: &Event,
) -> DynamoDbEventResponse {
    let mut records: Vec<(String, Record)> = Vec::new();
    let mut failed: Vec<String> = Vec::new();
    for record in &event.records {
        let number = record.change.sequence_number.clone().unwrap_or_default();
        match relayed(record) {
            Ok(commit) => records.extend(commit.map(|commit| (number, commit))),
            Err(tampering) => match tampering.was_archived(store).await {
                Ok(true) => {}
                Ok(false) => report(&tampering),
                Err(error) => {
                    tracing::error!(%error, "whether an item was archived is not known yet");
                    failed.push(number);
                }
            },
        }
    }
    let (numbers, records): (Vec<String>, Vec<Record>) = records.into_iter().unzip();
    let unpublished = publisher.publish(&records).await;
    failed.extend(unpublished.into_iter().filter_map(|index| numbers.get(index).cloned()));
    let mut answer = DynamoDbEventResponse::default();
    answer.batch_item_failures = failed.iter().map(|number| failure(number)).collect();
    answer
}

fn failure(number: &str) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(number.to_owned());
    failure
}

/// Raises the alarm.
pub(crate) fn report(tampering: &Tampering) {
    tracing::error!(%tampering, "tampering with the events table");
    metric("pipeline", "TamperedItems", 1.0);
}
