//! History is never rewritten; where somebody does it by hand, it is seen.

use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::support::{create_user, own_platform};

#[tokio::test]
async fn an_item_overwritten_by_hand_raises_the_alarm_and_reaches_no_view() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("tamper").await?;
    let ada = create_user(&client, "ada").await?;
    platform.settled().await?;
    assert_eq!(platform.metric("relay", "TamperedItems")?, 0.0);

    let (dynamodb, table) = (platform.dynamodb().await?, platform.table("EventsTable").await?);
    let stream = AttributeValue::S(format!("tamper/identity/users/{}", ada.id()));
    let key = |request: aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder| {
        request.key("stream", stream.clone()).key("seq", AttributeValue::N("1".to_owned()))
    };
    let mut item =
        key(dynamodb.get_item().table_name(&table)).send().await?.item.unwrap_or_default();
    item.insert("at".to_owned(), AttributeValue::N("1".to_owned()));
    let events = json!([{ "t": "UserNameSet", "d": { "userName": "mallory" } }]);
    item.insert("e".to_owned(), serde_dynamo::to_attribute_value(events)?);
    item.insert("n".to_owned(), AttributeValue::N("1".to_owned()));
    dynamodb.put_item().table_name(&table).set_item(Some(item)).send().await?;
    platform.settled().await?;

    assert_eq!(platform.metric("relay", "TamperedItems")?, 1.0);
    let read = client.get(&format!("/identity/users/{}", ada.id())).await?;
    assert_eq!(read.body["userName"], "ada");
    assert_eq!(client.all("/identity/users?userName=mallory").await?.len(), 0);
    assert_eq!(client.all("/identity/changes").await?.len(), 1);
    Ok(())
}
