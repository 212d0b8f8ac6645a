//! What the HTTP API must say of itself, because each default is a hazard that shows only in
//! production.

use serde_json::Value;

use crate::template::{Template, events};

/// How long the gateway waits for a function, in seconds.
const PATIENCE: u64 = 30;

pub(super) fn check(template: &Template) -> Vec<String> {
    let apis = template.resources().filter(|(_, kind, _)| *kind == "AWS::Serverless::HttpApi");
    let on_apis = apis.flat_map(|(id, _, properties)| {
        check_api(properties).into_iter().map(move |finding| format!("{id}: {finding}"))
    });
    let late = template.functions().filter(|(_, function)| {
        let is_called = events(function).any(|event| event.kind == "HttpApi");
        is_called && function["Timeout"].as_u64().is_some_and(|timeout| timeout >= PATIENCE)
    });
    on_apis
        .chain(late.map(|(id, _)| {
            format!(
                "{id}: the gateway gives up after {PATIENCE} s: a Timeout below that answers first"
            )
        }))
        .collect()
}

fn check_api(properties: &Value) -> Vec<&'static str> {
    let limits = &properties["DefaultRouteSettings"];
    let mut findings = Vec::new();
    if properties["FailOnWarnings"] != true {
        findings.push(
            "add `FailOnWarnings: true`: without it an issuer that cannot be reached deploys an \
             API without routes, as a success",
        );
    }
    if limits["ThrottlingRateLimit"].is_null() || limits["ThrottlingBurstLimit"].is_null() {
        findings.push(
            "limit the rate and the burst in DefaultRouteSettings: one client could take what the \
             account has for all APIs",
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    #[test]
    fn our_api_fails_on_warnings_and_is_limited() {
        assert!(ours().resources().any(|(_, kind, _)| kind == "AWS::Serverless::HttpApi"));
        none(&check(&ours()));
    }

    #[test]
    fn a_function_that_answers_after_the_gateway_gave_up_is_found() {
        let function = |timeout: u64, event: &str| {
            template(&format!(
                "  F: {{Type: AWS::Serverless::Function, Properties: {{Timeout: {timeout}, \
                 Events: {{E: {{Type: {event}}}}}}}}}"
            ))
        };
        none(&check(&function(29, "HttpApi")));
        none(&check(&function(60, "Kinesis")));
        one(&check(&function(30, "HttpApi")), "F: the gateway gives up");
    }

    #[test]
    fn an_api_that_says_too_little_is_found() {
        let limits = "DefaultRouteSettings: {ThrottlingRateLimit: 1, ThrottlingBurstLimit: 1}";
        let api = |properties: &str| {
            template(&format!(
                "  A: {{Type: AWS::Serverless::HttpApi, Properties: {{{properties}}}}}"
            ))
        };
        none(&check(&api(&format!("FailOnWarnings: true, {limits}"))));
        one(&check(&api(limits)), "A: add `FailOnWarnings");
        one(&check(&api(&format!("FailOnWarnings: false, {limits}"))), "FailOnWarnings");
        one(
            &check(&api("FailOnWarnings: true, DefaultRouteSettings: {ThrottlingRateLimit: 1}")),
            "limit the rate and the burst",
        );
    }
}
