use std::sync::Arc;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use headwater_kinesis::{Publisher, Record};
use headwater_lambda::deployment::{
    COMMITS_STREAM, KEEP_FAILURES, LIST_FAILURES, PUT_COMMITS, Role, Source, SourceKind, Statement,
};
use headwater_lambda::{App, Error, Function, metric};
use headwater_pipeline::{Tampering, relayed};

/// DynamoDB stream of the events table → commits stream: each new commit, keyed by its stream,
/// without its snapshot.
///
/// DynamoDB Streams keep order per item only and `PutRecords` may fail in part, so no order is
/// promised: a record is a doorbell, and the projector reads what it lacks. Items of the events
/// table are never changed, so MODIFY and REMOVE are tampering: they raise the alarm's metric and
/// are not relayed.
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
        let answer = relay_batch(app.publisher("COMMITS_STREAM")?, &event).await;
        metric("pipeline", "RelayFailedRecords", answer.batch_item_failures.len() as f64);
        Ok::<_, Error>(answer)
    })
}

static RELAY: Role = Role {
    name: "Relay",
    variables: &[COMMITS_STREAM],
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
pub async fn relay_batch(publisher: &Publisher, event: &Event) -> DynamoDbEventResponse {
    let (numbers, records): (Vec<String>, Vec<Record>) =
        event.records.iter().filter_map(numbered_commit).unzip();
    let failed = publisher.publish(&records).await;
    let mut answer = DynamoDbEventResponse::default();
    answer.batch_item_failures = failed
        .into_iter()
        .filter_map(|index| numbers.get(index))
        .map(|number| failure(number))
        .collect();
    answer
}

fn failure(number: &str) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(number.to_owned());
    failure
}

/// The record's sequence number with what is to be put for it. Nothing for tampering, which is
/// reported.
fn numbered_commit(record: &EventRecord) -> Option<(String, Record)> {
    let commit = relayed(record).unwrap_or_else(|tampering| {
        report(&tampering);
        None
    });
    Some((record.change.sequence_number.clone().unwrap_or_default(), commit?))
}

/// Raises the alarm.
pub(crate) fn report(tampering: &Tampering) {
    tracing::error!(%tampering, "tampering with the events table");
    metric("pipeline", "TamperedItems", 1.0);
}
