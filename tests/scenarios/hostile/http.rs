//! Conditions, roles and documents, as the standards of HTTP write them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use headwater_local::jwt::Tokens;
use headwater_local::template::Authorizer;
use headwater_tests::Client;
use headwater_tests::hostile::{Route, head};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::target;
use crate::support::create_user;

/// The route on things that are not there, or no things at all.
fn path(route: &Route) -> String {
    route.with("x")
}

#[tokio::test]
async fn where_there_is_no_call_that_is_told() -> Result<()> {
    let mut target = target().await?;
    let anybody = Client::new(target.platform.url(), None);
    for path in [
        "/",
        "/identity",
        "/identity/nothing",
        "/identity/users/",
        "/identity/users/x/nothing",
        "/events",
        "/events/",
    ] {
        let nothing = anybody.call("GET", path).send().await?;
        if nothing.problem(404, "not-found").is_err() {
            target.fault(format!("GET {path} is something"));
        }
    }
    target.finish().await
}

#[tokio::test]
async fn conditions_are_lists_on_every_call() -> Result<()> {
    let mut target = target().await?;
    for name in ["ada", "bob"] {
        create_user(&target.client, name).await?;
    }
    target.all_is_written().await?;
    let client = target.client.clone();
    let streams: Vec<String> = (0..21).map(|n| format!("acme/identity/users/{n}@1")).collect();
    let many = format!("\"{}\", \"{}\"", streams[..11].join("+"), streams[11..].join("+"));
    let (mut known, mut unmatched) = (0, 0);
    for route in target.routes.clone() {
        let (method, path) = (route.method.as_str(), path(&route));
        if method == "GET" {
            let now = client.call(method, &path).send().await?;
            let with = |header: &str, values: &[&str]| {
                values
                    .iter()
                    .fold(client.call(method, &path), |call, value| call.header(header, value))
            };
            let tag = now.etag();
            for (values, expected) in [
                (&["\"*\""][..], 200),
                (&["\"foreign\", "], 200),
                (&["\"foreign\"", "W/\"other\""], 200),
                (&["*"], 304),
                (&[", ,", tag, ","], 304),
                (&["\"foreign\"", &format!(",W/{tag}")], 304),
            ] {
                let reply = target
                    .answer(
                        &format!("{method} {path} if none match {values:?}"),
                        with("if-none-match", values),
                    )
                    .await?;
                known += u32::from(reply.status == 304);
                if now.status == 200 && reply.status != expected {
                    target.fault(format!(
                        "{method} {path} if none match {values:?}: {}",
                        reply.status
                    ));
                }
            }
            for (value, expected) in [
                ("*", 200),
                (tag, 200),
                (&format!("\"foreign\",, {tag}"), 200),
                (&format!("W/{tag}"), 412),
                ("\"*\"", 412),
            ] {
                let reply = target
                    .answer(
                        &format!("{method} {path} if match {value}"),
                        with("if-match", &[value]),
                    )
                    .await?;
                if now.status == 200 && reply.status != expected {
                    target.fault(format!(
                        "{method} {path} if match {value}: {} {}",
                        reply.status, reply.body
                    ));
                }
            }
        } else {
            // Whatever else is wrong with the request, the condition is none that cannot be read.
            for value in [
                "\"nonsense\"",
                ", \"nonsense\" ,,",
                "W/\"acme/identity/users/x@1\"",
                "\"*\"",
                "\"other/identity/users/x@1\"",
            ] {
                let reply = target
                    .answer(
                        &format!("{method} {path} if match {value}"),
                        client.call(method, &path).header("if-match", value),
                    )
                    .await?;
                unmatched += u32::from(reply.status == 412);
                if reply.status < 400 || reply.body["type"] == "/problems/invalid-token" {
                    target.fault(format!(
                        "{method} {path} if match {value}: {} {}",
                        reply.status, reply.body
                    ));
                }
            }
        }
        if route.role.is_some() {
            for header in ["if-match", "consistency-token"] {
                let what = format!("{method} {path} with {header} of 21 streams");
                target
                    .refuse_with(
                        400,
                        "malformed-request",
                        &what,
                        client.call(method, &path).header(header, &many),
                    )
                    .await?;
            }
        }
    }
    if known < 20 || unmatched < 20 {
        target.fault(format!("only {known} answers were known and {unmatched} conditions failed"));
    }
    target.finish().await
}

#[tokio::test]
async fn no_text_but_a_role_s_own_opens_a_call() -> Result<()> {
    let mut target = target().await?;
    target.all_is_written().await?;
    let token = target
        .platform
        .dev("POST", "/dev/token", Some(json!({ "tenant": "acme", "subject": "eve" })))
        .await?
        .body["token"]
        .clone();
    let (issuer, audience) = issuer_and_audience(token.as_str().context("no token")?)?;
    let key = std::fs::read_to_string(target.platform.folder().join("jwt-key.pem"))?;
    let tokens =
        Tokens::new(Authorizer { issuer: issuer.clone(), audience: vec![audience.clone()] }, &key)?;
    let now = Timestamp::now().as_second();
    let client = |member: &str, value: Value| {
        let mut claims = json!({
            "iss": issuer,
            "aud": audience,
            "sub": "eve",
            "tenant": "acme",
            "roles": [],
            "iat": now,
            "exp": now + 3_600,
        });
        claims[member] = value;
        tokens.sign(&claims).map(|token| Client::new(target.platform.url(), Some(token)))
    };
    let roles = |role: &str| {
        [
            json!([format!("not a {role}")]),
            json!([format!("{role} ")]),
            json!([format!("x,{role}")]),
            json!([role.to_uppercase()]),
            json!([[role]]),
            json!([{ "role": role }]),
            json!({ role: true }),
            json!(role),
            json!(format!("[{role}]")),
            json!(format!("reader writer operator {role}")),
            json!(null),
            json!(7),
        ]
    };
    let nobody = [
        ("tenant", json!(["acme"])),
        ("tenant", json!(7)),
        ("tenant", json!({ "a": "acme" })),
        ("sub", json!(["eve"])),
        ("sub", json!(7)),
    ];
    let nobody: Vec<Client> =
        nobody.into_iter().map(|(member, value)| client(member, value)).collect::<Result<_>>()?;
    let roles: BTreeMap<&str, Vec<(Value, Client)>> = ["reader", "writer", "operator"]
        .into_iter()
        .map(|role| {
            Ok((
                role,
                roles(role)
                    .into_iter()
                    .map(|text| Ok((text.clone(), client("roles", text)?)))
                    .collect::<Result<_>>()?,
            ))
        })
        .collect::<Result<_>>()?;
    for route in target.routes.clone() {
        let (method, path) = (route.method.as_str(), path(&route));
        let Some(role) = route.role.as_deref() else { continue };
        for (text, client) in roles.get(role).context("a role that there is not")? {
            target
                .refuse_with(
                    403,
                    "forbidden",
                    &format!("{method} {path} with the roles {text}"),
                    client.call(method, &path),
                )
                .await?;
        }
        for client in &nobody {
            // Some of these tokens the gateway refuses by itself, in its own words.
            let what = format!("{method} {path} as nobody");
            let reply = target.send(&what, client.call(method, &path)).await?;
            if reply.status != 401 {
                target.fault(format!("{what}: {} {}", reply.status, reply.body));
            }
        }
    }
    target.finish().await
}

fn issuer_and_audience(token: &str) -> Result<(String, String)> {
    use base64::Engine;
    let payload = token.split('.').nth(1).context("no claims")?;
    let claims: Value =
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload)?)?;
    let text =
        |name: &str| claims[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    Ok((text("iss")?, text("aud")?))
}

/// Documents that are the same for everybody are kept by caches, and made once.
#[tokio::test]
async fn documents_have_a_tag_and_an_age() -> Result<()> {
    let target = target().await?;
    let anybody = Client::new(target.platform.url(), None);
    for path in ["/openapi.json", "/problems/not-found", "/problems/device-limit"] {
        let first = anybody.get(path).await?;
        assert!(
            first.etag().len() > 10
                && first.header("cache-control").starts_with("public, max-age="),
            "{path}: {:?}",
            head(&first)
        );
        let again = anybody
            .call("GET", path)
            .header("if-none-match", first.etag())
            .send()
            .await?
            .expect(304)?;
        assert_eq!((again.body.clone(), again.etag()), (json!(""), first.etag()), "{path}");
        anybody.call("GET", path).header("if-none-match", "\"other\"").send().await?.expect(200)?;
        anybody
            .call("GET", path)
            .header("if-match", "\"other\"")
            .send()
            .await?
            .problem(412, "precondition-failed")?;
    }
    Ok(())
}
