//! The OpenAPI document is made from the code; here it is held against the routes that the template
//! deploys.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use headwater_local::template::{DEFAULT_ROUTE, Template};
use headwater_tests::Client;
use serde_json::{Value, json};

use crate::support::shared_platform;

#[tokio::test]
async fn the_document_has_the_templates_routes() -> Result<()> {
    let platform = shared_platform()?;
    let document = Client::new(platform.url(), None).get("/openapi.json").await?.body;
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        for method in operations.as_object().into_iter().flatten().map(|(method, _)| method) {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_eq!(documented, template_routes()?);
    Ok(())
}

#[tokio::test]
async fn the_document_says_what_a_command_takes_and_which_conflicts_it_has() -> Result<()> {
    let platform = shared_platform()?;
    let document = Client::new(platform.url(), None).get("/openapi.json").await?.body;
    let missing: Vec<&str> = references(&document)
        .into_iter()
        .filter(|place| document.pointer(&place[1..]).is_none())
        .collect();
    assert_eq!(missing, [] as [&str; 0], "what is referred to is there");

    let operation = |path: &str, method: &str| document["paths"][path][method].clone();
    let issue = operation("/invoicing/invoices/{id}/issue", "post");
    let pay = operation("/invoicing/invoices/{id}/payments", "post");
    assert_eq!(
        (&issue["requestBody"]["required"], &pay["requestBody"]["required"]),
        (&json!(false), &json!(true))
    );
    let body = |operation: &Value| {
        let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        document.pointer(&schema[1..]).cloned().unwrap_or_default()["properties"].clone()
    };
    assert!(
        body(&issue)["version"].is_object() && body(&issue)["paymentTermDays"].is_object(),
        "{}",
        body(&issue)
    );
    assert!(
        body(&pay)["version"].is_object() && body(&pay)["reference"].is_object(),
        "{}",
        body(&pay)
    );

    let conflicts = |operation: &Value| {
        operation["responses"]["409"]["description"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(conflicts(&issue), "invalid-transition, no-line-items, concurrent-modification");
    assert_eq!(
        conflicts(&operation("/identity/users/{id}", "patch")),
        "user-name-taken, email-taken, concurrent-modification"
    );
    let execute = operation("/invoicing/execute", "post");
    assert!(
        execute["responses"]["200"].is_object()
            && execute["responses"]["201"]["headers"]["Location"].is_object()
    );
    Ok(())
}

/// All places that the document refers to, as `#/components/schemas/Problem`.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Method and path of every route, as OpenAPI writes it.
fn template_routes() -> Result<BTreeSet<String>> {
    let text = include_str!("../../template.yaml");
    let template = Template::parse(text, &BTreeMap::new(), &mut |_| Ok(String::new()))?;
    let routes = template.functions.into_iter().flat_map(|function| function.routes);
    let documented = routes.filter(|route| route.path != DEFAULT_ROUTE && route.method != "HEAD");
    Ok(documented
        .map(|route| format!("{} {}", route.method, route.path.replace("+}", "}")))
        .collect())
}
