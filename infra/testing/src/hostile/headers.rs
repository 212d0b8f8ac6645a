//! Headers that are not what they should be.

use anyhow::Result;

use super::Target;

/// What no token is.
fn bad_tags() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("unquoted", "acme/identity/users/ada@1".to_owned()),
        ("an empty tag", "\"\"".to_owned()),
        ("malformed", "\"nonsense\"".to_owned()),
        (
            "of a version beyond all numbers",
            "\"acme/identity/users/ada@99999999999999999999\"".to_owned(),
        ),
        ("of another tenant", "\"other/identity/users/ada@1\"".to_owned()),
        ("too long", format!("\"acme/identity/users/{}@1\"", "x".repeat(600))),
        ("21 of them", vec!["\"acme/identity/users/ada@1\""; 21].join(", ")),
        ("unclosed", "\"acme/identity/users/ada@1".to_owned()),
        ("not even text", "\"\u{fc}\"".to_owned()),
    ]
}

/// No call takes what is no token, as `Consistency-Token` or `If-Match`.
///
/// # Errors
/// If a call is not answered in time.
pub async fn tokens(target: &mut Target) -> Result<()> {
    for route in target.routes.clone().into_iter().filter(|route| route.role.is_some()) {
        let headers: &[&str] = if route.method == "GET" {
            &["consistency-token"]
        } else {
            &["consistency-token", "if-match"]
        };
        for header in headers {
            for (what, tag) in bad_tags() {
                let what = format!("{} {} with {header} {what}", route.method, route.path);
                let call = target.client.call(&route.method, &route.with("x")).header(header, &tag);
                target.refuse(&what, call).await?;
            }
        }
    }
    Ok(())
}

/// A feed is begun anew with a new table, as after a restore: then no place of the old one is any
/// in it. Answers how many calls told of it.
///
/// # Errors
/// If a call is not answered in time.
pub async fn places_in_old_feeds(target: &mut Target) -> Result<u32> {
    let routes = target.routes.clone();
    let feeds = routes.iter().filter_map(|route| route.path.strip_suffix("/changes"));
    let domains: Vec<&str> = feeds.map(|path| path.trim_start_matches('/')).collect();
    let mut gone = 0;
    for route in routes.iter().filter(|route| route.role.is_some()) {
        for domain in &domains {
            let what =
                format!("{} {} with a place in an old feed of {domain}", route.method, route.path);
            let token = format!("\"{}/{domain}@1.7\"", target.tenant);
            let call = target
                .client
                .call(&route.method, &route.with("x"))
                .header("consistency-token", &token);
            let reply = target.answer(&what, call).await?;
            gone += u32::from(reply.status == 410);
            if !route.statuses.contains(&reply.status)
                || reply.status == 410 && reply.body["type"] != "/problems/resync"
            {
                target.fault(format!("{what}: {} {}", reply.status, reply.body));
            }
        }
    }
    Ok(gone)
}
