//! The whole service, driven over HTTP against the platform on this machine.

use anyhow::Result;
use headwater::testing::{Platform, example, hostile};
use serde_json::json;

#[tokio::test]
async fn an_order_is_placed_read_listed_and_cancelled() -> Result<()> {
    let platform = Platform::start(example("local")?, &["--in-memory"])?;
    let client = platform.client("acme").await?;
    let order = json!({ "id": "1", "item": "tea", "quantity": 2 });
    client.post("/shop/orders", &order).await?.expect(201)?;
    client.post("/shop/orders", &order).await?.problem(409, "order-exists")?;

    let cancelled = client.post("/shop/orders/1/cancel", &json!({})).await?.expect(200)?;
    // With the token of a command, a read has seen what that command wrote.
    let read = client.call("GET", "/shop/orders/1").header("consistency-token", cancelled.token());
    let read = read.send().await?.expect(200)?;
    assert_eq!((&read.body["item"], &read.body["cancelled"]), (&json!("tea"), &json!(true)));

    client.post("/shop/orders", &json!({ "id": "2", "item": "jam", "quantity": 1 })).await?;
    platform.settled().await?;
    let orders = client.all("/shop/orders").await?;
    assert_eq!(orders.iter().map(|order| &order["id"]).collect::<Vec<_>>(), ["2", "1"]);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() -> Result<()> {
    let platform = Platform::start(example("local")?, &["--in-memory"])?;
    let client = platform.client("acme").await?;
    let order = json!({ "item": "", "quantity": 2 });
    let refused = client.post("/shop/orders", &order).await?.problem(422, "invalid-request")?;
    assert_eq!(refused.body["errors"][0]["pointer"], "/item");
    client.post("/shop/orders/9/cancel", &json!({})).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn whatever_comes_is_answered_and_writes_nothing() -> Result<()> {
    hostile::check(Platform::start(example("local")?, &["--in-memory"])?).await
}
