//! From the commits stream to the views and the change feed: one function a domain. What it does
//! with a batch, and why that is enough, is told in `headwater_dynamodb`'s projector. And one for
//! all domains that sweeps up, each minute, what older builds have left to this one.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::streams::KinesisEventResponse;
use futures::future::join_all;
use headwater::Domain;
use headwater_dynamodb::{BatchReport, Doorbell, Projector, Swept};
use headwater_kinesis::CommitRecord;
use headwater_lambda::deployment::{
    EVENTS_TABLE, FEED_TABLE, KEEP_FAILURES, LIST_FAILURES, READ_COMMITS, READ_EVENTS, Role,
    Source, Statement, VIEWS_TABLE,
};
use headwater_lambda::{App, Error, Function, metric};
use jiff::Timestamp;

/// Schedule → the views and the change feeds of all services: takes up the streams that an older
/// build has left to this one. The metrics tell of what this one leaves to a newer build, which for
/// some minutes is a deployment, and of all streams that are parked, for as long as they are.
/// `also` is what else is to be told each minute.
pub fn sweep<F, Told>(services: &'static [&'static Domain], also: F) -> Function
where
    F: Fn(Arc<App>, Instant) -> Told + Clone + Send + Sync + 'static,
    Told: Future<Output = Result<(), Error>> + Send + 'static,
{
    Function::each_minute("sweep", &SWEEP, move |app: Arc<App>, deadline: Instant| {
        // Side by side, so that what holds up one holds up no other.
        let sweeps = services.iter().map(|domain| sweep_domain(Arc::clone(&app), domain, deadline));
        let sweeps = join_all(sweeps.collect::<Vec<_>>());
        let also = also(app, deadline);
        async move {
            let (swept, told) = tokio::join!(sweeps, also);
            swept.into_iter().chain([told]).collect::<Result<(), Error>>()
        }
    })
}

async fn sweep_domain(
    app: Arc<App>,
    domain: &'static Domain,
    deadline: Instant,
) -> Result<(), Error> {
    let Swept { taken_up, waiting, oldest, parked } =
        app.projector(domain.name, domain.projections)?.within(deadline).sweep().await?;
    let age = oldest.map_or(0, |oldest| Timestamp::now().duration_since(oldest).as_secs().max(0));
    metric(domain.name, "StreamsTakenUp", taken_up as f64);
    metric(domain.name, "NewerStreams", waiting as f64);
    metric(domain.name, "NewerStreamsAge", age as f64);
    metric(domain.name, "ParkedStreams", parked as f64);
    Ok(())
}

/// Kinesis → the views and the change feed of a service: `<service>-project`.
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

const WRITE_VIEWS: [Statement; 3] = [
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

static SWEEP: Role = Role {
    name: "Sweep",
    variables: &[EVENTS_TABLE, VIEWS_TABLE, FEED_TABLE, ("EFFECTS_TABLE", "!Ref EffectsTable")],
    statements: &[
        WRITE_VIEWS[0],
        WRITE_VIEWS[1],
        WRITE_VIEWS[2],
        Statement { actions: &["dynamodb:Query"], resources: &["!GetAtt EffectsTable.Arn"] },
    ],
};

/// Projects what a batch has of a domain, and answers with the records that must come again.
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
/// never will be, so it is told of and passed over: the next record of its stream brings what it
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
