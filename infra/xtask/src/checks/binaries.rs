//! The template and Cargo name the same functions: `Handler` is the binary, and the code lies where
//! `cargo xtask build-lambda` puts it.

use std::collections::BTreeSet;

use crate::template::{Template, text};

pub(super) fn check(template: &Template, built: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut deployed = BTreeSet::new();
    for (id, function) in template.functions() {
        let handler = text(&function["Handler"]);
        let code = format!("target/lambda/{handler}/");
        if function["CodeUri"] != *code {
            findings.push(format!(
                "{id}: CodeUri must be {code}: `cargo xtask build-lambda` puts the binary there"
            ));
        }
        if !deployed.insert(handler.to_owned()) {
            findings.push(format!("{id}: another function has the Handler {handler} already"));
        }
    }
    findings.extend(deployed.difference(built).map(|name| {
        format!("{name} is deployed, but no functions/*/Cargo.toml has a [[bin]] of this name")
    }));
    findings.extend(
        built
            .difference(&deployed)
            .map(|name| format!("the binary {name} is built, but no function has it as Handler")),
    );
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;
    use crate::workspace::deployed_binaries;

    fn function(id: &str, handler: &str, code: &str) -> String {
        format!(
            "  {id}: {{Type: AWS::Serverless::Function, Properties: {{Handler: {handler}, \
             CodeUri: {code}}}}}\n"
        )
    }

    fn binaries(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn our_functions_are_the_binaries_that_are_built() {
        let root = crate::workspace_root().expect("a workspace");
        none(&check(&ours(), &deployed_binaries(&root).expect("cargo metadata")));
    }

    #[test]
    fn a_function_without_a_binary_and_the_other_way_round_are_found() {
        let relay = template(&function("F", "relay", "target/lambda/relay/"));
        none(&check(&relay, &binaries(&["relay"])));
        one(&check(&relay, &binaries(&[])), "no functions/*/Cargo.toml");
        one(&check(&relay, &binaries(&["relay", "redrive"])), "redrive is built");
    }

    #[test]
    fn code_elsewhere_and_a_handler_used_twice_are_found() {
        one(
            &check(
                &template(&function("F", "relay", "target/lambda/other/")),
                &binaries(&["relay"]),
            ),
            "CodeUri",
        );
        let twice = function("F", "relay", "target/lambda/relay/")
            + &function("G", "relay", "target/lambda/relay/");
        one(&check(&template(&twice), &binaries(&["relay"])), "G: another function");
    }
}
