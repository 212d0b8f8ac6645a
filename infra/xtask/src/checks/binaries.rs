//! The code of each function lies where `cargo xtask build-lambda` puts the executable of its
//! service. In it each function has a handler of its own.

use std::collections::BTreeSet;

use crate::template::{Template, text};

pub(super) fn check(template: &Template, built: &BTreeSet<String>) -> Vec<String> {
    let (mut findings, mut handlers, mut deployed) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (id, function) in template.functions() {
        let (handler, code) = (text(&function["Handler"]), text(&function["CodeUri"]));
        let executable = built.iter().find(|name| code == format!("target/lambda/{name}/"));
        match executable {
            Some(executable) => {
                deployed.insert(executable.clone());
            }
            None => findings.push(format!(
                "{id}: CodeUri {code} is none of target/lambda/{{{}}}/, where `cargo xtask \
                 build-lambda` puts the executables",
                joined(built)
            )),
        }
        if !handlers.insert(handler) {
            findings.push(format!("{id}: another function has the Handler {handler} already"));
        }
    }
    findings.extend(
        built
            .difference(&deployed)
            .map(|name| format!("the executable {name} is built, but no function has its code")),
    );
    findings
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(",")
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
    fn our_functions_have_the_code_that_is_built() {
        let root = crate::workspace_root().expect("a workspace");
        none(&check(&ours(), &deployed_binaries(&root).expect("cargo metadata")));
    }

    #[test]
    fn code_that_is_not_built_or_not_deployed_is_found() {
        let relay = template(&function("F", "relay", "target/lambda/platform/"));
        none(&check(&relay, &binaries(&["platform"])));
        one(&check(&relay, &binaries(&[])), "F: CodeUri");
        one(&check(&relay, &binaries(&["platform", "identity"])), "identity is built");
    }

    #[test]
    fn a_handler_that_is_used_twice_is_found() {
        let twice = function("F", "relay", "target/lambda/platform/")
            + &function("G", "relay", "target/lambda/platform/");
        one(&check(&template(&twice), &binaries(&["platform"])), "G: another function");
    }
}
