//! HTTP as its standards write it, on every call that there is: what one call reads in one way, no
//! other reads in another.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::target::{Route, Target};
use crate::{Client, Reply};

/// Methods of which each path lacks some. `HEAD` goes with `GET`.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Headers that differ from one answer to the next.
const OF_ONE_ANSWER: [&str; 5] =
    ["date", "x-correlation-id", "apigw-requestid", "content-length", "connection"];

/// What is the same whenever the same is asked: the status and the headers.
///
/// ```no_run
/// use headwater_testing::hostile::head;
///
/// # async fn test(client: headwater_testing::Client) -> anyhow::Result<()> {
/// let (first, second) = (client.get("/shop/tills").await?, client.get("/shop/tills").await?);
/// assert_eq!(head(&first), head(&second));
/// # Ok(())
/// # }
/// ```
pub fn head(reply: &Reply) -> (u16, BTreeMap<String, String>) {
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

/// A parameter that comes twice is refused on every call.
///
/// # Errors
/// If a call is not answered in time.
pub async fn parameters_twice(target: &mut Target) -> Result<()> {
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
    Ok(())
}

/// `HEAD` is `GET` without a body, and the methods that a path lacks are told in `Allow`.
///
/// # Errors
/// If a call is not answered in time.
pub async fn methods(target: &mut Target) -> Result<()> {
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in &target.routes {
        let of_path = methods.entry(path(route)).or_default();
        of_path.insert(route.method.clone());
        of_path.extend((route.method == "GET").then(|| "HEAD".to_owned()));
    }
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
    Ok(())
}

/// Bodies are read in one way by every call: members that come twice, marks, codings, types.
///
/// # Errors
/// If a call is not answered in time.
pub async fn bodies_in_one_way(target: &mut Target) -> Result<()> {
    let twice = [
        r#"{"version": 1, "version": 1}"#,
        r#"{"nonsense": {"a": 1, "b": [], "a": 2}}"#,
        r#"[{"at": 1, "at": 1}]"#,
        r#"{"command": "Open", "aggregateId": "x", "command": "Close"}"#,
        r#"{"command": "Open", "aggregateId": "x", "payload": {"id": 1, "id": 1}}"#,
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
    Ok(())
}
