//! From the commits stream to the views and the change feed: one function a domain. What it does
//! with a batch, and why that is enough, is told in `headwater_dynamodb`'s projector.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::streams::KinesisEventResponse;
use headwater::Domain;
use headwater_dynamodb::{BatchReport, Doorbell, Projector};
use headwater_kinesis::CommitRecord;
use headwater_lambda::deployment::{
    EVENTS_TABLE, FEED_TABLE, KEEP_FAILURES, LIST_FAILURES, READ_COMMITS, READ_EVENTS, Role,
    Source, Statement, VIEWS_TABLE,
};
use headwater_lambda::{App, Error, Function, metric};

/// Kinesis → the views and the change feed of a service: `<service>-project`.
///
/// ```
/// use headwater::Domain;
///
/// static SHOP: Domain = Domain::new("shop", &[], &[]);
///
/// assert_eq!(headwater_functions::project(&SHOP).name, "shop-project");
/// ```
pub fn project(service: &'static Domain) -> Function {
    let Domain { name: domain, projections, .. } = *service;
    let title = domain[..1].to_uppercase() + &domain[1..];
    let source = Source::commits(format!("{title} views are a minute behind."));
    Function::stream(
        &format!("{domain}-project"),
        source,
        &PROJECT,
        move |app: Arc<App>, event: KinesisEvent, deadline: Instant| async move {
            let projector = app.projector(domain, projections)?.within(deadline);
            let (answer, report) = project_batch(&projector, domain, &event).await;
            metric(domain, "ParkedStreams", report.parked.len() as f64);
            metric(domain, "NewerEvents", report.newer.len() as f64);
            Ok::<_, Error>(answer)
        },
    )
}

pub(crate) const WRITE_VIEWS: [Statement; 3] = [
    READ_EVENTS,
    Statement {
        actions: &[
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:ConditionCheckItem",
        ],
        resources: &["!GetAtt ViewsTable.Arn"],
    },
    Statement {
        actions: &[
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:ConditionCheckItem",
        ],
        resources: &["!GetAtt FeedTable.Arn"],
    },
];

static PROJECT: Role = Role {
    name: "Project",
    variables: &[EVENTS_TABLE, VIEWS_TABLE, FEED_TABLE],
    statements: &[
        READ_COMMITS,
        WRITE_VIEWS[0],
        WRITE_VIEWS[1],
        WRITE_VIEWS[2],
        KEEP_FAILURES,
        LIST_FAILURES,
    ],
};

/// Projects what a batch has of a domain, and answers with the records that must come again. Public
/// for the simulation and the fuzz targets.
pub async fn project_batch(
    projector: &Projector,
    domain: &str,
    event: &KinesisEvent,
) -> (KinesisEventResponse, BatchReport) {
    let (places, doorbells): (Vec<usize>, Vec<Doorbell>) = doorbells(domain, event).unzip();
    let report = projector.project(doorbells).await;
    let numbers =
        report.failed.iter().filter_map(|failed| event.records.get(*places.get(*failed)?));
    let mut answer = KinesisEventResponse::default();
    answer.set_failures(numbers.map(|record| record.kinesis.sequence_number.clone()));
    (answer, report)
}

/// The records that concern a domain, each with its place in the batch. One that cannot be read
/// never will be, so it is logged and skipped: the next record of its stream brings what it
/// announced.
fn doorbells<'a>(
    domain: &'a str,
    event: &'a KinesisEvent,
) -> impl Iterator<Item = (usize, Doorbell)> + 'a {
    let records = event.records.iter().enumerate().filter_map(move |(place, record)| {
        let read = serde_json::from_slice::<CommitRecord>(&record.kinesis.data);
        if let Err(error) = &read {
            tracing::error!(
                %error,
                sequence = record.kinesis.sequence_number,
                "a record cannot be read",
            );
            metric(domain, "UnreadableRecords", 1.0);
        }
        Some((place, read.ok()?))
    });
    let own = records.filter(move |(_, record)| record.stream.domain() == domain);
    own.map(|(place, CommitRecord { stream, last, commit })| {
        (place, Doorbell { stream, version: last, commit })
    })
}
