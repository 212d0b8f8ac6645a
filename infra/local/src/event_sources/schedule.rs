//! Schedules: EventBridge rules that invoke a function at a rate.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::clock::Clock;
use crate::host::Host;
use crate::template::{ACCOUNT, Function, REGION, Schedule};

/// Invokes the function for as long as the platform runs, the first time after one period.
pub(super) async fn run(schedule: Schedule, function: Function, host: Host, clock: Clock) {
    let mut ticks = interval(schedule.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let event = match &schedule.input {
            Some(input) => input.clone(),
            None => event(&function, clock.now()).to_string(),
        };
        if let Err(error) = host.invoke(&function.name, event.into()).await {
            tracing::warn!(function = function.name, %error, "a scheduled run failed");
        }
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
