//! Paths and query strings that name nothing.

use anyhow::Result;

use super::Target;

/// No call takes what is no name in its path: slashes, control characters, what is too long.
///
/// # Errors
/// If a call is not answered in time.
pub async fn names(target: &mut Target) -> Result<()> {
    let (long, too_long_for_a_key) = ("x".repeat(65), "x".repeat(3_000));
    let names = [
        "%2F",
        "a%2Fb",
        "..%2f..",
        "%00",
        "%ff",
        "%",
        "%20",
        "%C3%BC",
        "@",
        "a+b",
        "\u{1f600}",
        &long,
        &too_long_for_a_key,
    ];
    for route in target
        .routes
        .clone()
        .into_iter()
        .filter(|route| route.role.is_some() && route.path.contains('{'))
    {
        for name in names {
            let path = route.with(name);
            let call = target.client.call(&route.method, &path);
            target.refuse(&format!("{} {path}", route.method), call).await?;
        }
    }
    Ok(())
}

/// No list takes what is no limit or cursor, and no call a parameter that it does not know.
///
/// # Errors
/// If a call is not answered in time.
pub async fn queries(target: &mut Target) -> Result<()> {
    for route in target.routes.clone().into_iter().filter(|route| route.role.is_some()) {
        let mut queries = vec!["nonsense=1"];
        if route.is_list {
            queries.extend([
                "limit=0",
                "limit=201",
                "limit=-1",
                "limit=1e1",
                "limit=",
                "limit=99999999999999999999",
                "cursor=",
                "cursor=%00",
            ]);
        }
        for query in queries {
            let path = format!("{}?{query}", route.with("x"));
            let call = target.client.call(&route.method, &path);
            target.refuse(&format!("{} {path}", route.method), call).await?;
        }
    }
    Ok(())
}
