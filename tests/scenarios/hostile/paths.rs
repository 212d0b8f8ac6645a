//! Paths and query strings that name nothing.

use anyhow::Result;

use super::target::Target;

#[tokio::test]
async fn no_call_takes_what_is_no_name() -> Result<()> {
    let mut target = Target::start().await?;
    target.all_is_written().await?;
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
    target.finish().await
}

#[tokio::test]
async fn no_list_takes_what_is_no_limit_and_no_call_an_unknown_parameter() -> Result<()> {
    let mut target = Target::start().await?;
    target.all_is_written().await?;
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
    target.finish().await
}
