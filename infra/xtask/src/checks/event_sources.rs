//! The properties of a function's events. Neither linter sees a misspelt one; SAM drops it, and the
//! default then holds: endless retries, no failure destination.

use serde_json::Value;

use crate::template::{Event, Template, events};

/// What an event source of a stream must say, because each default loses data or holds up a shard.
const STREAM_REQUIRED: [&str; 9] = [
    "Stream",
    "StartingPosition",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "DestinationConfig",
];
const STREAM_OPTIONAL: [&str; 3] = ["ParallelizationFactor", "FilterCriteria", "Enabled"];
const ROUTE_REQUIRED: [&str; 3] = ["ApiId", "Method", "Path"];
const DEFAULT_ROUTE_REQUIRED: [&str; 2] = ["ApiId", "Auth"];
const ROUTE_OPTIONAL: [&str; 2] = ["Auth", "TimeoutInMillis"];
const SCHEDULE_REQUIRED: [&str; 1] = ["Schedule"];
const SCHEDULE_OPTIONAL: [&str; 3] = ["Description", "Enabled", "Input"];

pub(super) fn check(template: &Template) -> Vec<String> {
    let mut findings: Vec<String> = template
        .functions()
        .flat_map(|(id, function)| events(function).flat_map(move |event| check_event(id, &event)))
        .collect();
    findings.extend(
        template.functions().filter_map(|(id, function)| runs_are_not_queued(id, function)),
    );
    findings
}

/// Lambda queues the runs of a schedule: one that is refused or fails is repeated for up to six
/// hours, beside all that came since.
fn runs_are_not_queued(id: &str, function: &Value) -> Option<String> {
    let is_scheduled = events(function).any(|event| event.kind == "Schedule");
    let queue = &function["EventInvokeConfig"];
    let is_short = queue["MaximumRetryAttempts"] == 0 && queue["MaximumEventAgeInSeconds"] == 60;
    (is_scheduled && !is_short).then(|| {
        format!(
            "{id}: add `EventInvokeConfig: {{MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: \
             60}}`: the schedule brings the next run"
        )
    })
}

fn check_event(function: &str, event: &Event<'_>) -> Vec<String> {
    let place = format!("{function}, event {}", event.name);
    match event.kind {
        "Kinesis" | "DynamoDB" => {
            let mut findings =
                spelling(&place, event.properties, &STREAM_REQUIRED, &STREAM_OPTIONAL);
            findings.extend(failures_are_kept(&place, event.properties));
            findings
        }
        // Without both it is the route `$default`, which says in full who may call it.
        "HttpApi" if event.properties["Method"].is_null() && event.properties["Path"].is_null() => {
            spelling(&place, event.properties, &DEFAULT_ROUTE_REQUIRED, &[])
        }
        "HttpApi" => spelling(&place, event.properties, &ROUTE_REQUIRED, &ROUTE_OPTIONAL),
        "Schedule" => spelling(&place, event.properties, &SCHEDULE_REQUIRED, &SCHEDULE_OPTIONAL),
        other => vec![format!(
            "{place}: xtask does not know the type {other:?}: list its properties in \
             event_sources.rs"
        )],
    }
}

fn spelling(place: &str, properties: &Value, required: &[&str], optional: &[&str]) -> Vec<String> {
    let given: Vec<&str> =
        properties.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let unknown = given
        .iter()
        .filter(|name| !required.contains(name) && !optional.contains(name))
        .map(|name| format!("{place}: SAM ignores {name}: is it misspelt?"));
    let missing = required
        .iter()
        .filter(|name| !given.contains(name))
        .map(|name| format!("{place}: {name} is missing: its default is not what we want"));
    unknown.chain(missing).collect()
}

/// The values without which a failed record is lost or brings back the whole batch.
fn failures_are_kept(place: &str, properties: &Value) -> Vec<String> {
    let destination = &properties["DestinationConfig"];
    let mut findings = Vec::new();
    if !destination.is_null() && destination["OnFailure"]["Destination"] != "FailuresBucket.Arn" {
        findings.push(format!(
            "{place}: OnFailure must be FailuresBucket: only S3 keeps the whole record, and \
             redrive looks there"
        ));
    }
    let responses = &properties["FunctionResponseTypes"];
    if !responses.is_null() && *responses != serde_json::json!(["ReportBatchItemFailures"]) {
        findings.push(format!(
            "{place}: FunctionResponseTypes must be [ReportBatchItemFailures]: our functions \
             answer with it"
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    const STREAM: &str = "Stream: s, StartingPosition: LATEST, BatchSize: 1, \
                          MaximumBatchingWindowInSeconds: 0, MaximumRetryAttempts: 1, \
                          MaximumRecordAgeInSeconds: 60, BisectBatchOnFunctionError: true, \
                          FunctionResponseTypes: [ReportBatchItemFailures], DestinationConfig: \
                          {OnFailure: {Destination: !GetAtt FailuresBucket.Arn}}";

    fn function(kind: &str, properties: &str) -> Template {
        template(&format!(
            "  F: {{Type: AWS::Serverless::Function, Properties: {{Events: {{E: {{Type: {kind}, \
             Properties: {{{properties}}}}}}}}}}}"
        ))
    }

    #[test]
    fn our_events_are_spelt_right() {
        none(&check(&ours()));
    }

    #[test]
    fn a_complete_stream_source_is_fine() {
        none(&check(&function("Kinesis", STREAM)));
    }

    #[test]
    fn misspelt_properties_are_found() {
        one(
            &check(&function("Kinesis", &format!("{STREAM}, ParalelizationFactor: 2"))),
            "ParalelizationFactor",
        );
        one(&check(&function("HttpApi", "ApiId: a, Method: GET, Path: /, Atuh: x")), "Atuh");
    }

    #[test]
    fn missing_properties_are_found() {
        one(
            &check(&function("DynamoDB", &STREAM.replace("MaximumRetryAttempts: 1, ", ""))),
            "MaximumRetryAttempts is missing",
        );
        none(&check(&function("HttpApi", "ApiId: a, Auth: {Authorizer: NONE}")));
        one(&check(&function("HttpApi", "ApiId: a")), "Auth is missing");
        one(&check(&function("HttpApi", "ApiId: a, Path: /")), "Method is missing");
    }

    #[test]
    fn failures_that_would_be_lost_are_found() {
        one(&check(&function("Kinesis", &STREAM.replace("FailuresBucket", "Queue"))), "OnFailure");
        one(
            &check(&function("Kinesis", &STREAM.replace("[ReportBatchItemFailures]", "[]"))),
            "FunctionResponseTypes",
        );
    }

    #[test]
    fn a_schedule_whose_runs_are_queued_is_found() {
        let function = |more: &str, properties: &str| {
            template(&format!(
                "  F: {{Type: AWS::Serverless::Function, Properties: {{{more} Events: {{E: \
                 {{Type: Schedule, Properties: {{{properties}}}}}}}}}}}"
            ))
        };
        let short = "EventInvokeConfig: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60},";
        none(&check(&function(short, "Schedule: rate(1 minute)")));
        one(&check(&function("", "Schedule: rate(1 minute)")), "the schedule brings the next run");
        one(&check(&function(short, "Schedule: rate(1 minute), Enable: true")), "Enable");
    }

    #[test]
    fn unknown_types_are_found() {
        one(&check(&function("SQS", "Queue: q")), "does not know");
    }
}
