//! A function can do what its role in the template says, and nothing else.

use anyhow::Result;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::support::own_platform;

#[tokio::test]
async fn an_action_that_the_role_lacks_is_denied() -> Result<()> {
    let platform = own_platform()?;
    let (events, views) =
        (platform.table("EventsTable").await?, platform.table("ViewsTable").await?);
    let command = platform.dynamodb_as("identity-patch-user").await?;
    let s = |text: &str| AttributeValue::S(text.to_owned());
    let n = |number: u64| AttributeValue::N(number.to_string());

    let allowed = command
        .get_item()
        .table_name(&events)
        .key("stream", s("a/b/c/d"))
        .key("seq", n(1))
        .send()
        .await;
    assert!(allowed.is_ok(), "{allowed:?}");
    let rewrite = command
        .delete_item()
        .table_name(&events)
        .key("stream", s("a/b/c/d"))
        .key("seq", n(1))
        .send()
        .await;
    assert_eq!(
        rewrite.err().and_then(|error| error.code().map(str::to_owned)).as_deref(),
        Some("AccessDeniedException")
    );
    let update = command
        .update_item()
        .table_name(&events)
        .key("stream", s("a/b/c/d"))
        .key("seq", n(1))
        .send()
        .await;
    assert_eq!(
        update.err().and_then(|error| error.code().map(str::to_owned)).as_deref(),
        Some("AccessDeniedException")
    );
    let foreign =
        command.get_item().table_name(&views).key("pk", s("x")).key("sk", s("x")).send().await;
    assert_eq!(
        foreign.err().and_then(|error| error.code().map(str::to_owned)).as_deref(),
        Some("AccessDeniedException")
    );

    let query = platform.dynamodb_as("identity-get-user").await?;
    let write =
        query.put_item().table_name(&views).item("pk", s("x")).item("sk", s("x")).send().await;
    assert_eq!(
        write.err().and_then(|error| error.code().map(str::to_owned)).as_deref(),
        Some("AccessDeniedException")
    );
    Ok(())
}
