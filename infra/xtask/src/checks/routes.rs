//! `HEAD` is a route wherever `GET` is one, and one function answers what no route takes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::template::{Template, events, text};

pub(super) fn check(template: &Template) -> Vec<String> {
    let (mut findings, mut defaults) = (Vec::new(), 0);
    for (id, function) in template.functions() {
        let routes: Vec<&Value> = events(function)
            .filter(|event| event.kind == "HttpApi")
            .map(|event| event.properties)
            .collect();
        defaults += routes
            .iter()
            .filter(|route| route["Method"].is_null() && route["Path"].is_null())
            .count();
        let (get, head) = (of(&routes, "GET"), of(&routes, "HEAD"));
        findings.extend(get.difference(&head).map(|(path, _)| {
            format!("{id}: GET {path} has no HEAD beside it: add one with the same Auth")
        }));
        findings.extend(
            head.difference(&get).map(|(path, _)| {
                format!("{id}: HEAD {path} has no GET beside it with the same Auth")
            }),
        );
    }
    if defaults != 1 && template.resources().any(|(_, kind, _)| kind == "AWS::Serverless::HttpApi")
    {
        findings.push(format!(
            "{defaults} routes are `$default`, one is needed: an HttpApi event without Method and \
             Path"
        ));
    }
    findings
}

/// Path and authorization of all routes of a method.
fn of<'a>(routes: &[&'a Value], method: &str) -> BTreeSet<(&'a str, String)> {
    routes
        .iter()
        .filter(|route| route["Method"] == method)
        .map(|route| (text(&route["Path"]), route["Auth"].to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    #[test]
    fn our_routes_come_in_pairs() {
        none(&check(&ours()));
    }

    #[test]
    fn a_get_without_its_head_is_found() {
        let function = |events: &str| {
            template(&format!(
                "  F: {{Type: AWS::Serverless::Function, Properties: {{Events: {{{events}}}}}}}"
            ))
        };
        let route = |method: &str, path: &str, auth: &str| {
            format!(
                "{method}: {{Type: HttpApi, Properties: {{Method: {method}, Path: {path}, Auth: \
                 {{Authorizer: {auth}}}}}}}"
            )
        };
        none(&check(&function(
            &[route("GET", "/a", "NONE"), route("HEAD", "/a", "NONE")].join(", "),
        )));
        none(&check(&function(&route("POST", "/a", "NONE"))));
        one(&check(&function(&route("GET", "/a", "NONE"))), "GET /a has no HEAD");
        one(&check(&function(&route("HEAD", "/a", "NONE"))), "HEAD /a has no GET");
        assert_eq!(
            check(&function(&[route("GET", "/a", "NONE"), route("HEAD", "/a", "Jwt")].join(", ")))
                .len(),
            2
        );
        assert_eq!(
            check(&function(&[route("GET", "/a", "NONE"), route("HEAD", "/b", "NONE")].join(", ")))
                .len(),
            2
        );
    }

    #[test]
    fn an_api_has_one_default_route() {
        let api = "  A: {Type: AWS::Serverless::HttpApi}\n";
        let function = |id: &str| {
            format!(
                "  {id}: {{Type: AWS::Serverless::Function, Properties: {{Events: {{E: {{Type: \
                 HttpApi}}}}}}}}\n"
            )
        };
        none(&check(&template(&[api, &function("F")].concat())));
        one(&check(&template(api)), "0 routes");
        one(&check(&template(&[api, &function("F"), &function("G")].concat())), "2 routes");
    }
}
