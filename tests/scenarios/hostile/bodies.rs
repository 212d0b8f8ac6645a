//! Bodies that are not what they should be.

use anyhow::Result;
use serde_json::{Value, json};

use super::target;

/// What the gateway itself refuses is no problem document, as on AWS.
#[tokio::test]
async fn ten_megabytes_do_not_get_past_the_gateway() -> Result<()> {
    let target = target().await?;
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
    let mut target = target().await?;
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
