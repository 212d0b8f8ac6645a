//! A rebuild of rows waits until every process knows which generations there are: so an invocation
//! that reads or writes rows may last no longer than it waits (`LONGEST_INVOCATION` in
//! `shared/dynamodb/src/rebuild`).

use crate::template::Template;

/// In seconds.
const LONGEST_INVOCATION: u64 = 60;

pub(super) fn check(template: &Template) -> Vec<String> {
    template
        .functions()
        .filter(|(_, function)| !function["Environment"]["Variables"]["VIEWS_TABLE"].is_null())
        .filter(|(_, function)| {
            function["Timeout"].as_u64().is_some_and(|timeout| timeout > LONGEST_INVOCATION)
        })
        .map(|(id, _)| {
            format!(
                "{id} reads or writes rows for more than {LONGEST_INVOCATION} s: a rebuild waits \
                 no longer for it; let both be longer"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    #[test]
    fn our_functions_end_before_a_rebuild_goes_on() {
        none(&check(&ours()));
    }

    #[test]
    fn a_function_that_lasts_too_long_is_found() {
        let function = |timeout: u64, variable: &str| {
            template(&format!(
                "  F: {{Type: AWS::Serverless::Function, Properties: {{Timeout: {timeout}, \
                 Environment: {{Variables: {{{variable}: v}}}}}}}}"
            ))
        };
        one(&check(&function(61, "VIEWS_TABLE")), "F reads or writes rows");
        none(&check(&function(60, "VIEWS_TABLE")));
        none(&check(&function(900, "EVENTS_TABLE")));
    }
}
