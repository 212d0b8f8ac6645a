//! Bodies that are not what they should be.

use anyhow::Result;

use super::Target;

/// What no command can be read from.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("no JSON", text("{")),
        ("a list", text("[]")),
        ("a list of lists", text("[[]]")),
        ("null", text("null")),
        ("a string", text("\"x\"")),
        ("a number beyond all numbers", text(r#"{"revision": 1e999}"#)),
        ("an unknown member", text(r#"{"nonsense": 1}"#)),
        ("a member twice", text(r#"{"name": "a", "name": "b", "nonsense": 1}"#)),
        ("deep nesting", vec![b'['; 200_000]),
        ("deep nesting in an object", r#"{"a":"#.repeat(30_000).into_bytes()),
        ("what is no UTF-8", vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}']),
        ("half of a surrogate", text(r#"{"name": "\ud800"}"#)),
        ("a zero byte", vec![b'{', 0, b'}']),
        ("too much", vec![b' '; 300_000]),
    ]
}

/// No call takes what is no body: no JSON, deep nesting, what is no UTF-8, too much.
///
/// # Errors
/// If a call is not answered in time.
pub async fn bodies(target: &mut Target) -> Result<()> {
    for route in target.routes.clone().into_iter().filter(|route| route.takes_body) {
        for (what, body) in bad_bodies() {
            let call = target
                .client
                .call(&route.method, &route.with("x"))
                .header("content-type", "application/json")
                .body(body);
            target.refuse(&format!("{} {} with {what}", route.method, route.path), call).await?;
        }
    }
    Ok(())
}
