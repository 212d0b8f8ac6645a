//! CloudFormation allows 500 resources a stack, counted after SAM has expanded the template.

use serde_json::Value;

use crate::template::{FUNCTION, Template, events};

/// Room for what a release may add in a hurry.
const LIMIT: usize = 450;

pub(super) fn check(template: &Template) -> Vec<String> {
    let count: usize =
        template.resources().map(|(_, kind, properties)| expanded(kind, properties)).sum();
    if count < LIMIT {
        return Vec::new();
    }
    vec![format!(
        "{count} resources after expansion, {LIMIT} is the limit: move a domain into a nested \
         template under infra/"
    )]
}

/// How many resources SAM makes of this one.
fn expanded(kind: &str, properties: &Value) -> usize {
    match kind {
        // The API and its stage.
        "AWS::Serverless::HttpApi" => 2,
        FUNCTION => {
            let per_event: usize = events(properties).map(|event| expanded_event(event.kind)).sum();
            // A version and an alias; a deployment group; a role where none is named.
            let alias = if properties["AutoPublishAlias"].is_null() { 0 } else { 2 };
            let deployment = usize::from(!properties["DeploymentPreference"].is_null());
            let role = usize::from(properties["Role"].is_null());
            let queue = usize::from(!properties["EventInvokeConfig"].is_null());
            1 + per_event + alias + deployment + role + queue
        }
        _ => 1,
    }
}

/// A rule and its permission for a schedule; a permission for a route; an event source mapping for
/// a stream.
fn expanded_event(kind: &str) -> usize {
    if kind == "Schedule" { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    fn count(resources: &str) -> usize {
        template(resources)
            .resources()
            .map(|(_, kind, properties)| expanded(kind, properties))
            .sum()
    }

    #[test]
    fn our_template_fits_into_a_stack() {
        none(&check(&ours()));
    }

    #[test]
    fn counts_what_sam_makes_of_a_resource() {
        let table = "  T: {Type: AWS::DynamoDB::Table}";
        let api = "  A: {Type: AWS::Serverless::HttpApi}";
        let route = "  F: {Type: AWS::Serverless::Function, Properties: {Role: r, Events: {R: \
                     {Type: HttpApi}}}}";
        let roleless =
            "  F: {Type: AWS::Serverless::Function, Properties: {Events: {R: {Type: Kinesis}}}}";
        let schedule = "  F: {Type: AWS::Serverless::Function, Properties: {Role: r, Events: {R: \
                        {Type: Schedule}}}}";
        let queued = "  F: {Type: AWS::Serverless::Function, Properties: {Role: r, \
                      EventInvokeConfig: {MaximumRetryAttempts: 0}}}";
        let canary = "  F: {Type: AWS::Serverless::Function, Properties: {Role: r, \
                      AutoPublishAlias: live, DeploymentPreference: {Type: x}}}";
        for (resource, expected) in [
            (table, 1),
            (api, 2),
            (route, 2),
            (roleless, 3),
            (schedule, 3),
            (queued, 2),
            (canary, 4),
        ] {
            assert_eq!(count(resource), expected, "{resource}");
        }
    }

    #[test]
    fn too_many_resources_are_found() {
        let tables: String =
            (0..LIMIT).map(|n| format!("  T{n}: {{Type: AWS::DynamoDB::Table}}\n")).collect();
        one(&check(&template(&tables)), "450 resources");
    }
}
