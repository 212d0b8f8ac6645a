use std::sync::Arc;

use aws_config::BehaviorVersion;
use headwater_lambda::{App, Error, Function, metric};
use headwater_pipeline::{Failures, Target};
use serde_json::Value;

use crate::relay::report;

/// How many objects one run takes; the schedule brings the next run.
const OBJECTS_PER_RUN: usize = 100;

/// Schedule → streams: what a function behind a stream gave up on lies in the failure bucket, the whole event in an object. Its records
/// are put back where they came from (those of the DynamoDB stream as the relay would have put them), then the object is deleted.
pub fn redrive() -> Function {
    Function::event("redrive", |app: Arc<App>, _schedule: Value, _| async move {
        let failures = Failures::new(&aws_config::load_defaults(BehaviorVersion::latest()).await, app.failures_bucket()?);
        let keys = failures.keys(None, OBJECTS_PER_RUN).await?;
        let publisher = |target: &Target| match target {
            Target::Commits => app.publisher("COMMITS_STREAM").cloned().map_err(|error| error.to_string()),
            Target::Stream(name) => app.publisher_to(name).cloned().map_err(|error| error.to_string()),
        };
        let mut redriven = 0.0;
        for key in &keys {
            match failures.replay(key, publisher).await {
                Ok(failure) => {
                    failure.tampering.iter().for_each(report);
                    redriven += 1.0;
                }
                Err(error) => tracing::error!(key, %error, "an object could not be redriven"),
            }
        }
        metric("pipeline", "Redriven", redriven);
        metric("pipeline", "FailureObjects", keys.len() as f64 - redriven);
        Ok::<_, Error>(Value::Null)
    })
}
