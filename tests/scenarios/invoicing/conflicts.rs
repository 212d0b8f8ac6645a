//! What is shown of what came between, however much it is.

use anyhow::Result;
use serde_json::json;

use super::support::{INVOICES, issued, item, post};
use crate::support::shared_platform;

#[tokio::test]
async fn of_too_much_that_came_between_the_newest_is_shown() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("too-much").await?;
    issued(&client, "i").await?;
    let mut last = 0;
    for number in 0..21 {
        let message = format!("{number:02}{}", "\u{1f4b6}".repeat(4_998));
        last =
            post(&client, "i", "send", &json!({ "subject": "Your invoice", "message": message }))
                .await?
                .expect(200)?
                .version();
    }
    let mut line = item();
    line["version"] = json!(1);
    let add = || {
        client
            .call("POST", &format!("{INVOICES}/i/line-items"))
            .header("idempotency-key", "k")
            .json(&line)
            .send()
    };
    for _ in 0..2 {
        let conflict = add().await?.problem(409, "concurrent-modification")?;
        assert!(
            conflict.body.to_string().len() < 300_000
                && conflict.header("idempotency-replayed").is_empty()
        );
        assert!(conflict.etag().ends_with(&format!("invoices/i@{last}\"")), "{}", conflict.etag());
        let shown = conflict.body["events"].as_array().cloned().unwrap_or_default();
        assert_eq!(shown.last().and_then(|event| event["number"].as_u64()), Some(last));
        assert_eq!(conflict.body["omitted"].as_u64(), Some(last - 1 - shown.len() as u64));
        let rest = client.all(conflict.body["rest"].as_str().unwrap_or_default()).await?;
        assert_eq!(rest.len() as u64, last - 1, "all of them are there");
        assert_eq!(
            rest.last().map(|event| &event["data"]),
            shown.last().map(|event| &event["data"])
        );
    }
    Ok(())
}
