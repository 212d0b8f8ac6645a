//! Schedules: EventBridge rules that invoke a function at a rate.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::clock::Clock;
use crate::host::{Host, InvokeError};
use crate::template::{ACCOUNT, Function, REGION, Schedule};

/// A schedule of a function.
pub(super) struct Scheduled {
    pub(super) schedule: Schedule,
    pub(super) function: Function,
    pub(super) host: Host,
    pub(super) clock: Clock,
}

impl Scheduled {
    /// Invokes the function for as long as the platform runs, the first time after one period.
    pub(super) async fn run(self: Arc<Self>) {
        let mut ticks = interval(self.schedule.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if let Err(error) = self.come_round().await {
                tracing::warn!(function = self.function.name, %error, "a scheduled run failed");
            }
        }
    }

    /// Invokes the function as the schedule does, and waits for its answer.
    pub(super) async fn come_round(&self) -> Result<(), InvokeError> {
        let event = match &self.schedule.input {
            Some(input) => input.clone(),
            None => event(&self.function, self.clock.now()).to_string(),
        };
        self.host.invoke(&self.function.name, event.into()).await.map(|_| ())
    }
}

/// The payload that EventBridge sends.
fn event(function: &Function, at: Timestamp) -> Value {
    json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{}", function.name)],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_eventbridge_s() {
        let function = Function::for_test("redrive", Vec::new());
        let mut event = event(&function, "2026-11-21T03:14:15.9Z".parse().unwrap());
        assert!(event["id"].take().is_string());
        let expected = json!({
            "version": "0",
            "id": null,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": "2026-11-21T03:14:15Z",
            "region": "us-east-1",
            "resources": ["arn:aws:events:us-east-1:000000000000:rule/redrive"],
            "detail": {},
        });
        assert_eq!(event, expected);
    }
}
