//! From the queue of provisional grants into the customers' streams, once the store is back.

use std::sync::Arc;
use std::time::Instant;

use aws_lambda_events::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::streams::KinesisEventResponse;
use headwater_lambda::deployment::Source;
use headwater_lambda::{App, Caller, Error, Function, Problem, Request, metric};
use headwater_pipeline::Failures;
use licensing::{ApplyGrant, Customer, DOMAIN, Grant, customer};

use crate::grants::{self, INVALID_GRANT};
use crate::past;
use crate::roles::{self, GRANTS_STREAM};

/// The function behind the stream of grants.
const RECONCILE: &str = "licensing-reconcile-grants";

/// Stream of grants → events of ours. A record is a signed grant. It is written once however often
/// it comes, also where the attempt to acquire the licence had come through after all. What the
/// store does not answer comes again; what is no grant of ours is kept whole in the failures
/// bucket, for a person.
pub(crate) fn reconcile_grants() -> Function {
    let source = Source {
        at_once: 4,
        ..Source::records("Grants", GRANTS_STREAM, "Provisional grants are written a minute late.")
    };
    let role = &roles::RECONCILE;
    Function::stream(
        RECONCILE,
        source,
        role,
        |app: Arc<App>, event: KinesisEvent, deadline| async move {
            let (mut reconciled, mut failed) = (0, Vec::new());
            for record in &event.records {
                let sequence = &record.kinesis.sequence_number;
                let Err(problem) = reconcile(&app, &record.kinesis.data, deadline).await else {
                    reconciled += 1;
                    continue;
                };
                let is_kept = problem.status() < 500 && keep(&app, record, &problem).await;
                if !is_kept {
                    tracing::error!(?problem, sequence, "will be tried again");
                    failed.push(sequence.clone());
                }
            }
            metric(DOMAIN, "GrantsReconciled", f64::from(reconciled));
            let mut answer = KinesisEventResponse::default();
            answer.set_failures(failed);
            Ok::<_, Error>(answer)
        },
    )
}

/// Keeps a record that is no grant of ours; says whether it is kept.
async fn keep(app: &App, record: &KinesisEventRecord, problem: &Problem) -> bool {
    metric(DOMAIN, "GrantsRefused", 1.0);
    let Ok(bucket) = app.failures_bucket() else { return false };
    let kept =
        Failures::connect(bucket).await.keep_refused(RECONCILE, record, &problem.to_string()).await;
    kept.inspect_err(|error| tracing::error!(%error, "a record that is no grant was not kept"))
        .is_ok()
}

async fn reconcile(app: &App, data: &[u8], deadline: Instant) -> Result<(), Problem> {
    let grant = read(data)?;
    let stream = customer::stream(&grant.tenant, &grant.customer_id)?;
    let request = request(&grant, deadline);
    let version = app.load::<Customer>(&request, &stream).await?.version;
    let past = past::license(app, &request, &stream, &grant.license_id, version).await?;
    app.change(&request, &stream, &ApplyGrant { grant, past }).await.map(|_| ())
}

fn read(data: &[u8]) -> Result<Grant, Problem> {
    let key = grants::key()?;
    let invalid = |error: &dyn std::error::Error| Problem::new(&INVALID_GRANT, error.to_string());
    let signed = std::str::from_utf8(data).map_err(|error| invalid(&error))?;
    key.verify(signed).map_err(|error| invalid(&error))
}

/// The request that the grant answered, as far as the commit says: who, when and why.
fn request(grant: &Grant, deadline: Instant) -> Request {
    let caller =
        Caller { tenant: grant.tenant.clone(), subject: grant.actor.clone(), roles: Vec::new() };
    Request::internal(caller, grant.granted_at, grant.correlation_id.clone(), deadline)
        .caused_by(grant.causation_id.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_commit_tells_of_the_request_that_was_granted() {
        let grant: Grant = serde_json::from_value(json!({
            "tenant": "acme", "customerId": "c", "licenseId": "l", "titleId": "t", "studioId": "s",
            "deviceId": "d", "actor": "ada",
            "grantedAt": "2026-11-21T10:00:00Z", "expiresAt": "2026-12-21T10:00:00Z",
            "policyVersion": 0, "correlationId": "ticket-7",
            "causationId": "identity/users/ada@4",
        }))
        .unwrap();
        let request = request(&grant, Instant::now());
        assert_eq!(
            (request.tenant(), request.caller.subject.as_str(), request.correlation_id.as_str()),
            ("acme", "ada", "ticket-7")
        );
        assert_eq!(
            (request.now, request.causation_id.as_deref()),
            (grant.granted_at, Some("identity/users/ada@4"))
        );
    }
}
