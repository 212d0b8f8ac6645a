//! A query's tokens may be positions of the change feed, for which it then waits: whoever reads
//! views reads the feed too.

use serde_json::Value;

use crate::template::{Template, events};

pub(super) fn check(template: &Template) -> Vec<String> {
    template
        .functions()
        .filter(|(_, function)| {
            events(function)
                .any(|event| event.kind == "HttpApi" && event.properties["Method"] == "GET")
        })
        .filter(|(_, function)| has(function, "VIEWS_TABLE") && !has(function, "FEED_TABLE"))
        .map(|(id, _)| {
            format!(
                "{id} reads views, so it is given positions of the feed as tokens: add \
                 FEED_TABLE, and the right to read it"
            )
        })
        .collect()
}

fn has(function: &Value, variable: &str) -> bool {
    !function["Environment"]["Variables"][variable].is_null()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    #[test]
    fn our_queries_read_the_feed() {
        none(&check(&ours()));
    }

    #[test]
    fn a_query_without_the_feed_is_found() {
        let function = |method: &str, variables: &str| {
            let event = format!("E: {{Type: HttpApi, Properties: {{Method: {method}}}}}");
            template(&format!(
                "  F: {{Type: AWS::Serverless::Function, Properties: {{Environment: {{Variables: \
                 {{{variables}}}}}, Events: {{{event}}}}}}}"
            ))
        };
        one(&check(&function("GET", "VIEWS_TABLE: v")), "F reads views");
        none(&check(&function("GET", "VIEWS_TABLE: v, FEED_TABLE: f")));
        none(&check(&function("GET", "EVENTS_TABLE: e")));
        none(&check(&function("POST", "VIEWS_TABLE: v")));
    }
}
