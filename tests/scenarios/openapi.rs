//! The OpenAPI document is made from the code; here it is held against the routes that the template deploys.

use std::collections::BTreeSet;

use anyhow::Result;
use headwater_tests::Client;

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
    assert_eq!(documented, template_routes());
    Ok(())
}

/// The `Method` and `Path` of every HttpApi event, whose lines stand side by side in the template.
fn template_routes() -> BTreeSet<String> {
    let template = include_str!("../../template.yaml");
    let value = |line: &str, key: &str| line.trim().strip_prefix(key).map(|value| value.trim().trim_matches(['"', '\'']).to_owned());
    let mut routes = BTreeSet::new();
    let lines: Vec<&str> = template.lines().collect();
    for pair in lines.windows(2) {
        let (path, method) = match (value(pair[0], "Path:"), value(pair[1], "Method:")) {
            (Some(path), Some(method)) => (path, method),
            _ => match (value(pair[1], "Path:"), value(pair[0], "Method:")) {
                (Some(path), Some(method)) => (path, method),
                _ => continue,
            },
        };
        routes.insert(format!("{} {}", method.to_uppercase(), path.replace("+}", "}")));
    }
    routes
}
