//! From the commits stream to the views and the change feed: one function a domain. What it does
//! with a batch, and why that is enough, is told in `headwater_dynamodb`'s projector. And one for
//! all domains that sweeps up, each minute, what older builds have left to this one.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::kinesis::KinesisEvent;
use aws_lambda_events::streams::KinesisEventResponse;
use futures::future::join_all;
use headwater::ProjectionFn;
use headwater_dynamodb::{BatchReport, Doorbell, Projector, Swept};
use headwater_kinesis::CommitRecord;
use headwater_lambda::{App, Error, Function, metric};
use jiff::Timestamp;
use serde_json::Value;

/// The domains, each with what folds its rows.
static DOMAINS: [(&str, &[ProjectionFn]); 3] = [
    (identity::DOMAIN, &identity::PROJECTIONS),
    (invoicing::DOMAIN, &invoicing::PROJECTIONS),
    (licensing::DOMAIN, &licensing::PROJECTIONS),
];

/// All functions of this package.
pub fn functions() -> Vec<Function> {
    vec![identity_project(), invoicing_project(), licensing_project(), sweep()]
}

/// The views and the change feed of the identity service.
pub fn identity_project() -> Function {
    project("identity-project", identity::DOMAIN, &identity::PROJECTIONS)
}

/// The views and the change feed of the invoicing service.
pub fn invoicing_project() -> Function {
    project("invoicing-project", invoicing::DOMAIN, &invoicing::PROJECTIONS)
}

/// The views and the change feed of the licensing service.
pub fn licensing_project() -> Function {
    project("licensing-project", licensing::DOMAIN, &licensing::PROJECTIONS)
}

/// Schedule → the views and the change feeds of all services: takes up the streams that an older
/// build has left to this one. The metrics tell of what this one leaves to a newer build: for some
/// minutes that is a deployment.
pub fn sweep() -> Function {
    Function::event("sweep", |app: Arc<App>, _schedule: Value, deadline: Instant| async move {
        // Side by side, so that what holds up one holds up no other.
        let sweeps = DOMAINS.map(|(domain, projections)| {
            sweep_domain(Arc::clone(&app), domain, projections, deadline)
        });
        join_all(sweeps).await.into_iter().collect::<Result<Vec<()>, Error>>()?;
        Ok::<_, Error>(Value::Null)
    })
}

async fn sweep_domain(
    app: Arc<App>,
    domain: &str,
    projections: &'static [ProjectionFn],
    deadline: Instant,
) -> Result<(), Error> {
    let Swept { taken_up, waiting, oldest } =
        app.projector(domain, projections)?.within(deadline).sweep().await?;
    let age = oldest.map_or(0, |oldest| Timestamp::now().duration_since(oldest).as_secs().max(0));
    metric(domain, "StreamsTakenUp", taken_up as f64);
    metric(domain, "NewerStreams", waiting as f64);
    metric(domain, "NewerStreamsAge", age as f64);
    Ok(())
}

fn project(
    name: &'static str,
    domain: &'static str,
    projections: &'static [ProjectionFn],
) -> Function {
    Function::event(name, move |app: Arc<App>, event: KinesisEvent, deadline: Instant| async move {
        let projector = app.projector(domain, projections)?.within(deadline);
        let (answer, report) = project_batch(&projector, domain, &event).await;
        metric(domain, "ParkedStreams", report.parked.len() as f64);
        metric(domain, "NewerEvents", report.newer.len() as f64);
        Ok::<_, Error>(answer)
    })
}

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
