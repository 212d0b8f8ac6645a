//! Bodies that are not what they should be.

use anyhow::Result;
use serde_json::{Value, json};

use super::target::Target;

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

#[tokio::test]
async fn no_command_takes_what_is_no_body() -> Result<()> {
    let mut target = Target::start().await?;
    target.all_is_written().await?;
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
    target.finish().await
}

/// What the gateway itself refuses is no problem document, as on AWS.
#[tokio::test]
async fn ten_megabytes_do_not_get_past_the_gateway() -> Result<()> {
    let target = Target::start().await?;
    let reply = target
        .client
        .call("POST", "/identity/users")
        .body(vec![b' '; 10_000_001])
        .send()
        .await?
        .expect(413)?;
    assert_eq!(reply.body, json!({ "message": "Request Entity Too Large" }));
    Ok(())
}

/// Text that would be taken for something else further on: keys of tables, lines of a mail, a page.
#[tokio::test]
async fn text_comes_back_as_it_was_sent_or_not_at_all() -> Result<()> {
    let mut target = Target::start().await?;
    let client = target.client.clone();
    let texts = [
        "a\u{0}b",
        "\u{7f}",
        "a\r\nBcc: x@example.com",
        "\u{202e}",
        "\u{feff}",
        "<script>",
        "#",
        "/",
        "'",
        "\u{10ffff}",
        "e\u{301}",
    ];
    for text in texts {
        let user = json!({ "userName": text, "displayName": text, "email": "a@example.com" });
        let created = target
            .answer(&format!("a user {text:?}"), client.call("POST", "/identity/users").json(&user))
            .await?;
        if created.status == 201 {
            let path = format!("/identity/users/{}", created.id());
            let read = client
                .call("GET", &path)
                .header("consistency-token", created.token())
                .send()
                .await?;
            if (&read.body["userName"], &read.body["displayName"])
                != (&Value::from(text), &Value::from(text))
            {
                target.fault(format!("{text:?} came back as {}", read.body));
            }
            client.call("DELETE", &path).send().await?.expect(200)?;
        }
    }
    target.all_is_written().await?;
    target.finish().await
}
