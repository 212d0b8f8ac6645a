//! HTTP as its standards write it, on every call that there is: what one call reads in one way, no
//! other reads in another.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use headwater_local::jwt::Tokens;
use headwater_local::template::Authorizer;
use headwater_tests::{Client, Reply};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::target::{Route, Target};
use crate::support::create_user;

/// Methods of which each path lacks some. `HEAD` goes with `GET`.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Headers that differ from one answer to the next.
const OF_ONE_ANSWER: [&str; 5] =
    ["date", "x-correlation-id", "apigw-requestid", "content-length", "connection"];

/// What is the same whenever the same is asked: the status and the headers.
fn head(reply: &Reply) -> (u16, BTreeMap<String, String>) {
    let lasting = reply.headers.iter().filter(|(name, _)| !OF_ONE_ANSWER.contains(&name.as_str()));
    (
        reply.status,
        lasting
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
    )
}

/// The route on things that are not there, or no things at all.
fn path(route: &Route) -> String {
    route.with("x")
}

#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused_on_every_call() -> Result<()> {
    let mut target = Target::start().await?;
    target.all_is_written().await?;
    for route in target.routes.clone() {
        let names = if route.queries.is_empty() {
            vec!["nonsense".to_owned()]
        } else {
            route.queries.clone()
        };
        for name in names {
            for query in [
                format!("{name}=1&{name}=1"),
                format!("{name}=1&{name}=2"),
                format!("{name}&%{:02X}{}=", name.as_bytes()[0], &name[1..]),
            ] {
                let path = format!("{}?{query}", path(&route));
                let call = target.client.call(&route.method, &path);
                target
                    .refuse_with(422, "invalid-request", &format!("{} {path}", route.method), call)
                    .await?;
            }
            let path = format!("{}?{name}=%ff", path(&route));
            let call = target.client.call(&route.method, &path);
            target
                .refuse_with(400, "malformed-request", &format!("{} {path}", route.method), call)
                .await?;
        }
    }
    target.finish().await
}

#[tokio::test]
async fn head_is_get_without_a_body_and_what_a_path_lacks_is_told() -> Result<()> {
    let mut target = Target::start().await?;
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in &target.routes {
        let of_path = methods.entry(path(route)).or_default();
        of_path.insert(route.method.clone());
        of_path.extend((route.method == "GET").then(|| "HEAD".to_owned()));
    }
    target.all_is_written().await?;
    let (client, anybody) = (target.client.clone(), Client::new(target.platform.url(), None));
    for (path, allowed) in methods {
        if allowed.contains("GET") {
            let (get, headed) =
                (client.call("GET", &path).send().await?, client.call("HEAD", &path).send().await?);
            if head(&get) != head(&headed) || headed.body != "" {
                target.fault(format!(
                    "HEAD {path}: {:?} {}, but GET: {:?}",
                    head(&headed),
                    headed.body,
                    head(&get)
                ));
            }
        }
        let listed = allowed.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        for method in METHODS.into_iter().filter(|method| !allowed.contains(*method)) {
            for caller in [&client, &anybody] {
                let what = format!("{method} {path}");
                let reply = target.send(&what, caller.call(method, &path)).await?;
                let is_told =
                    method == "HEAD" || reply.body["type"] == "/problems/method-not-allowed";
                if reply.status != 405 || reply.header("allow") != listed || !is_told {
                    target.fault(format!("{what}: {:?} {}", head(&reply), reply.body));
                }
            }
        }
    }
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
async fn bodies_are_read_in_one_way_by_every_call() -> Result<()> {
    let mut target = Target::start().await?;
    target.all_is_written().await?;
    let twice = [
        r#"{"version": 1, "version": 1}"#,
        r#"{"nonsense": {"a": 1, "b": [], "a": 2}}"#,
        r#"[{"at": 1, "at": 1}]"#,
        r#"{"command": "IssueInvoice", "aggregateId": "x", "command": "DeleteInvoice"}"#,
        r#"{"command": "IssueInvoice", "aggregateId": "x", "payload": {"id": 1, "id": 1}}"#,
    ];
    for route in target.routes.clone().into_iter().filter(|route| route.role.is_some()) {
        let (method, path) = (route.method.as_str(), path(&route));
        let client = target.client.clone();
        let send = |body: &[u8]| {
            client
                .call(method, &path)
                .header("content-type", "application/json")
                .body(body.to_vec())
        };
        for body in twice {
            target
                .refuse_with(
                    400,
                    "malformed-request",
                    &format!("{method} {path} with {body}"),
                    send(body.as_bytes()),
                )
                .await?;
        }
        let large = r#"{"revision": 9007199254740993}"#;
        target
            .refuse_with(
                422,
                "invalid-request",
                &format!("{method} {path} with {large}"),
                send(large.as_bytes()),
            )
            .await?;
        for coding in ["gzip", "identity, br"] {
            let what = format!("{method} {path} coded as {coding}");
            let reply = target
                .answer(&what, send(b"\x1f\x8b\x08\x00").header("content-encoding", coding))
                .await?;
            if reply.status != 415 || reply.header("accept-encoding") != "identity" {
                target.fault(format!("{what}: {:?} {}", head(&reply), reply.body));
            }
        }
        // A mark before it changes nothing, nor does what it is called: it is the same unknown
        // member.
        let (bare, marked) = ("{\"nonsense\": 1}", "\u{feff}{\"nonsense\": 1}");
        let expected = send(bare.as_bytes()).send().await?;
        let form = client
            .call(method, &path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(bare);
        for (what, call) in [
            ("a mark", send(marked.as_bytes())),
            ("the type of a form", form),
            ("no type", client.call(method, &path).body(bare)),
        ] {
            let reply = target.answer(&format!("{method} {path} with {what}"), call).await?;
            if (head(&reply), &reply.body) != (head(&expected), &expected.body) {
                target.fault(format!(
                    "{method} {path} with {what}: {}, without: {}",
                    reply.body, expected.body
                ));
            }
        }
        if !route.takes_body {
            target
                .refuse_with(
                    422,
                    "invalid-request",
                    &format!("{method} {path} with a body"),
                    send(br#"{"version": 1}"#),
                )
                .await?;
        }
    }
    target.finish().await
}

#[tokio::test]
async fn conditions_are_lists_on_every_call() -> Result<()> {
    let mut target = Target::start().await?;
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
    let mut target = Target::start().await?;
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
    let target = Target::start().await?;
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
