//! Every call by every role, and without a token that counts.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headwater_local::jwt::{Tokens, new_key};
use headwater_local::template::Authorizer;
use headwater_tests::hostile::{self, Route};
use headwater_tests::{Client, Platform};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::target;

const ROLES: [&str; 3] = ["reader", "writer", "operator"];

/// The calls for operators. Of the others, those that read are for readers and those that change
/// something for writers.
const OPERATORS: [(&str, &str); 18] = [
    ("GET", "/identity/users/{id}/audit"),
    ("POST", "/identity/users/{id}/erase"),
    ("GET", "/identity/users/{id}/certificate"),
    ("GET", "/identity/users/{id}/export"),
    ("POST", "/invoicing/customers/{id}/erase"),
    ("GET", "/invoicing/customers/{id}/certificate"),
    ("GET", "/invoicing/customers/{id}/export"),
    ("POST", "/invoicing/invoices/{id}/erase"),
    ("GET", "/invoicing/invoices/{id}/certificate"),
    ("GET", "/licensing/policy"),
    ("PUT", "/licensing/policy"),
    ("GET", "/licensing/customers/{id}/events"),
    ("GET", "/invoicing/mails"),
    ("POST", "/invoicing/mails/{id}/{event}/settle"),
    ("GET", "/streams"),
    ("GET", "/events/{stream}"),
    ("POST", "/events/{stream}"),
    ("GET", "/states/{stream}"),
];

/// The calls for everybody.
const PUBLIC: [&str; 2] = ["/openapi.json", "/problems/{name}"];

/// The one role that opens a call; nothing if it needs no token.
fn needed(Route { method, path, .. }: &Route) -> Option<&'static str> {
    match method.as_str() {
        _ if PUBLIC.contains(&path.as_str()) => None,
        method if OPERATORS.contains(&(method, path)) => Some("operator"),
        "GET" => Some("reader"),
        _ => Some("writer"),
    }
}

#[tokio::test]
async fn each_call_is_opened_by_its_role_and_by_no_other() -> Result<()> {
    let mut target = target().await?;
    target.all_is_written().await?;
    for route in target.routes.clone() {
        let needed = needed(&route);
        assert_eq!(
            route.role.as_deref(),
            needed,
            "the description of {} {}",
            route.method,
            route.path
        );
    }
    hostile::roles(&mut target).await?;
    target.finish().await
}

#[tokio::test]
async fn only_our_own_tokens_open_a_call() -> Result<()> {
    let mut target = target().await?;
    target.all_is_written().await?;
    let tokens = worthless(&target.platform).await?;
    for route in target.routes.clone() {
        for (what, token) in &tokens {
            let what = format!("{} {} with {what}", route.method, route.path);
            let reply = Client::new(target.platform.url(), token.clone())
                .call(&route.method, &route.with("x"))
                .send()
                .await?;
            let is_refused =
                reply.status == 401 && reply.body == json!({ "message": "Unauthorized" });
            if is_refused == PUBLIC.contains(&route.path.as_str()) {
                target.fault(format!("{what}: {} {}", reply.status, reply.body));
            }
        }
    }
    target.finish().await
}

/// What is no token of ours, or one no more.
async fn worthless(platform: &Platform) -> Result<Vec<(&'static str, Option<String>)>> {
    let body = json!({ "tenant": "acme", "subject": "somebody", "roles": ROLES });
    let reply = platform.dev("POST", "/dev/token", Some(body)).await?;
    let token = reply.body["token"].as_str().context("no token")?.to_owned();
    let parts: Vec<&str> = token.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1])?)?;
    let (issuer, audience) = (text(&claims["iss"])?, text(&claims["aud"])?);
    let key = std::fs::read_to_string(platform.folder().join("jwt-key.pem"))?;
    let sign = |key: &str, issuer: &str, audience: &str| {
        let authorizer =
            Authorizer { issuer: issuer.to_owned(), audience: vec![audience.to_owned()] };
        Tokens::new(authorizer, key)?.issue("acme", "somebody", &ROLES.map(str::to_owned)).map(Some)
    };
    let unsigned =
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#), parts[1]);
    let ours =
        Tokens::new(Authorizer { issuer: issuer.clone(), audience: vec![audience.clone()] }, &key)?;
    let at = |claim: &str, seconds: i64| {
        let mut claims = claims.clone();
        claims[claim] = (Timestamp::now().as_second() + seconds).into();
        ours.sign(&claims).map(Some)
    };
    let mut other_claims = claims.clone();
    other_claims["tenant"] = "other".into();
    let changed =
        format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(other_claims.to_string()), parts[2]);
    Ok(vec![
        ("none", None),
        ("nonsense", Some("nonsense".to_owned())),
        ("one that nobody has signed", Some(unsigned)),
        ("one that was changed", Some(changed)),
        ("one that has expired", at("exp", -1)?),
        ("one that is not valid yet", at("nbf", 3_600)?),
        ("one of another key", sign(&new_key()?, &issuer, &audience)?),
        ("one of another issuer", sign(&key, "https://elsewhere.example", &audience)?),
        ("one for another audience", sign(&key, &issuer, "elsewhere")?),
    ])
}

fn text(claim: &Value) -> Result<String> {
    claim.as_str().map(str::to_owned).with_context(|| format!("{claim} is no text"))
}
