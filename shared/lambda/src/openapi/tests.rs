//! What the document says of calls.

use headwater::field::{Line, Text};

use super::*;

/// A part that refuses unknown members.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is only described")]
struct Part {
    limit: u32,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "it is only described")]
struct Whole {
    version: u64,
    #[serde(flatten)]
    part: Part,
}

#[test]
fn what_is_flattened_is_described_with_the_members_beside_it() {
    let document = document(&[Call::entity::<Whole>("get-whole", "/whole", "Both.")]);
    let schemas = &document["components"]["schemas"];
    let members: Vec<&String> = schemas["Whole"]["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(members, ["limit", "version"], "{}", schemas["Whole"]);
    assert_eq!(
        (&schemas["Whole"]["additionalProperties"], &schemas["Part"]["additionalProperties"]),
        (&Value::Null, &json!(false))
    );
}

type Name = Text<Line<20>>;

/// A thing with texts that know their limits.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "it is only described")]
struct Named {
    /// What it is called.
    name: Name,
    /// What it was called before.
    former: Option<Name>,
    /// What others call it.
    others: Vec<Name>,
    part: Option<Part>,
}

#[test]
fn a_text_with_limits_is_described_where_it_is_used() {
    let document = document(&[Call::entity::<Named>("get-named", "/named", "A thing.")]);
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let text = |description: &str| {
        let limits = "1–20 characters, of which one is seen, no control characters, no white \
                      space at the ends.";
        json!({
            "type": "string",
            "minLength": 1,
            "maxLength": 20,
            "description": format!("{description}{limits}"),
        })
    };
    let mut former = text("What it was called before. ");
    former["type"] = json!(["string", "null"]);
    let properties = &schemas["Named"]["properties"];
    assert_eq!(
        (&properties["name"], &properties["former"]),
        (&text("What it is called. "), &former)
    );
    assert_eq!(properties["others"]["items"], text(""));
    assert_eq!(properties["others"]["description"], "What others call it.");
    assert!(properties["part"]["oneOf"].is_array(), "{}", properties["part"]);
    let texts = schemas.values().filter(|schema| schema["type"] == "string");
    assert_eq!(texts.filter(|schema| schema["maxLength"] == 20).count(), 0, "{schemas:#?}");
}

#[test]
fn what_the_gateway_answers_itself_is_no_problem_document() {
    let document = document(&[Call::html("get-page", "/page", "A page.")]);
    let media = |status: &str| {
        let content = document["paths"]["/page"]["get"]["responses"][status]["content"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        content.into_iter().map(|(media, _)| media).collect::<Vec<_>>()
    };
    assert_eq!(
        (media("401"), media("404")),
        (vec!["application/json".to_owned(), PROBLEM.to_owned()], vec![PROBLEM.to_owned()])
    );
}

const PROBLEM: &str = "application/problem+json";

#[test]
fn what_is_not_about_streams_heeds_no_versions() {
    let about = |call: Call| {
        let operation = document(&[call])["paths"]["/do"]["post"].clone();
        let names = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["name"].as_str());
        (names.map(str::to_owned).collect::<Vec<_>>(), operation["responses"]["412"].is_object())
    };
    let call = || Call::command("do", "POST", "/do", "Do.");
    assert_eq!(about(call().apart_from_streams()), (vec![], false));
    assert_eq!(
        about(call()).0,
        ["If-Match", "If-None-Match", "Consistency-Token", "Idempotency-Key", "X-Causation-Id"]
    );
}

#[test]
fn a_command_tells_the_present_version_where_it_is_refused() {
    static FULL: headwater::Rule = headwater::Rule { name: "full", title: "", help: "" };
    let call = Call { rules: vec![&FULL], ..Call::command("do", "POST", "/do", "Do.") };
    let document = document(&[call]);
    let responses = &document["paths"]["/do"]["post"]["responses"];
    let names = |status: &str| {
        let headers = responses[status]["headers"].as_object().cloned().unwrap_or_default();
        headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names("200"), ["Consistency-Token", "ETag", "Idempotency-Replayed"]);
    assert_eq!(names("409"), ["ETag", "Idempotency-Replayed"]);
    assert_eq!((names("412"), names("404")), (vec!["ETag".to_owned()], vec![]));
}

#[test]
fn a_page_of_html_is_told_as_one() {
    let document = document(&[Call::html("get-page", "/things/{id}/page", "A page.")]);
    let get = &document["paths"]["/things/{id}/page"]["get"];
    assert_eq!(
        get["responses"]["200"]["content"],
        json!({ "text/html": { "schema": { "type": "string" } } })
    );
    assert!(
        get["responses"]["200"]["headers"]["ETag"].is_object()
            && get["responses"]["304"].is_object()
    );
    assert_eq!(get["description"], "Needs the role `reader`.");
}

#[test]
fn a_command_that_may_create_has_both_answers() {
    let changes = || Call::command("do", "POST", "/do", "Do.");
    let answers = |call| document(&[call])["paths"]["/do"]["post"]["responses"].clone();
    let (either, change) = (answers(changes().may_create()), answers(changes()));
    assert!(
        either["200"].is_object() && either["201"]["headers"]["Location"].is_object(),
        "{either}"
    );
    assert!(change["200"].is_object() && change["201"].is_null(), "{change}");
}
