//! Each function can be given concurrency of its own, by the parameter of its kind. All functions
//! of an account share one budget, so without that any of them can take what the others need.

use serde_json::{Value, json};

use crate::template::{Template, events, text};

pub(super) fn check(template: &Template) -> Vec<String> {
    template
        .functions()
        .filter_map(|(id, function)| {
            let (condition, parameter) = wanted(function)?;
            let expected = json!([condition, parameter, "AWS::NoValue"]);
            (function["ReservedConcurrentExecutions"] != expected).then(|| {
                format!(
                    "{id}: add `ReservedConcurrentExecutions: !If [{condition}, !Ref {parameter}, \
                     !Ref AWS::NoValue]`, as for others of its kind"
                )
            })
        })
        .collect()
}

/// Condition and parameter, by what invokes the function. Which events there are is checked
/// elsewhere. What answers calls that there are not, which has no method, is bounded as queries
/// are: anybody can call it.
fn wanted(function: &Value) -> Option<(&'static str, &'static str)> {
    let event = events(function).next()?;
    Some(match event.kind {
        "HttpApi" if matches!(text(&event.properties["Method"]), "GET" | "HEAD" | "") => {
            ("HasQueryConcurrency", "QueryConcurrency")
        }
        "HttpApi" => ("HasCommandConcurrency", "CommandConcurrency"),
        "DynamoDB" => ("HasRelayConcurrency", "RelayConcurrency"),
        "Kinesis" => ("HasProjectorConcurrency", "ProjectorConcurrency"),
        _ => ("HasRedriveConcurrency", "RedriveConcurrency"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    #[test]
    fn our_functions_can_be_given_concurrency() {
        none(&check(&ours()));
    }

    #[test]
    fn a_function_that_is_not_bounded_by_the_parameter_of_its_kind_is_found() {
        for (event, condition, parameter) in [
            (
                "{Type: HttpApi, Properties: {Method: GET}}",
                "HasQueryConcurrency",
                "QueryConcurrency",
            ),
            (
                "{Type: HttpApi, Properties: {Method: HEAD}}",
                "HasQueryConcurrency",
                "QueryConcurrency",
            ),
            ("{Type: HttpApi, Properties: {ApiId: a}}", "HasQueryConcurrency", "QueryConcurrency"),
            (
                "{Type: HttpApi, Properties: {Method: POST}}",
                "HasCommandConcurrency",
                "CommandConcurrency",
            ),
            ("{Type: DynamoDB}", "HasRelayConcurrency", "RelayConcurrency"),
            ("{Type: Kinesis}", "HasProjectorConcurrency", "ProjectorConcurrency"),
            ("{Type: Schedule}", "HasRedriveConcurrency", "RedriveConcurrency"),
        ] {
            let function = |reserved: &str| {
                template(&format!(
                    "  F: {{Type: AWS::Serverless::Function, Properties: {{{reserved} Events: \
                     {{E: {event}}}}}}}"
                ))
            };
            let reserved = |parameter: &str| {
                function(&format!(
                    "ReservedConcurrentExecutions: !If [{condition}, !Ref {parameter}, !Ref \
                     AWS::NoValue],"
                ))
            };
            none(&check(&reserved(parameter)));
            one(&check(&reserved("OtherConcurrency")), parameter);
            one(&check(&function("")), parameter);
        }
    }

    /// The figures that docs/how-to/deploy.md gives for an account of 1,000 leave the 100 that
    /// Lambda keeps for functions without any.
    #[test]
    fn the_documented_concurrency_fits_into_an_account() {
        let documents = std::fs::read_to_string(
            crate::workspace_root().expect("a workspace").join("docs/how-to/deploy.md"),
        )
        .expect("the page");
        let per_function = |parameter: &str| -> u32 {
            let row = documents
                .lines()
                .find(|line| line.starts_with(&format!("| `{parameter}`")))
                .expect("a row of the table");
            row.split('|').nth(2).expect("a column").trim().parse().expect("a number")
        };
        let ours = ours();
        let reserved: u32 = ours
            .functions()
            .filter_map(|(_, function)| wanted(function))
            .map(|(_, parameter)| per_function(parameter))
            .sum();
        assert!((500..=900).contains(&reserved), "{reserved} of 1,000");
    }
}
