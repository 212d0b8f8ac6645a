//! What every call costs is what `costs.md` says. `BLESS=1 cargo test` writes it.

use anyhow::Result;
use headwater::testing::costs::{Case, Service, call, check, get, in_one_line, send, shared};
use headwater::testing::{Platform, example};
use serde_json::json;

#[tokio::test]
async fn every_call_costs_what_the_document_says() -> Result<()> {
    let order = json!({ "id": "1", "item": "tea", "quantity": 2 });
    let place = || send("POST", "/shop/orders", order.clone());
    let cancel = || call("POST", "/shop/orders/1/cancel");
    let execute = json!({ "command": "CancelOrder", "aggregateId": "1" });
    let service = Service {
        name: "shop",
        commands: vec![
            Case::new(place(), &[]),
            Case::new(place(), &[place()]).answers(409).note("that is there"),
            Case::new(cancel(), &[place()]),
            Case::new(send("POST", "/shop/execute", execute), &[place()]).note("`CancelOrder`"),
        ],
        queries: vec![
            Case::new(get("/shop/orders/1"), &[place()]),
            Case::new(get("/shop/orders"), &[place()]),
            Case::new(get("/shop/changes"), &[place()]),
        ],
        ..Service::default()
    };
    let start = async || Platform::start_changed(example("local")?, &["--in-memory"], in_one_line);
    let placed = ("OrderPlaced", json!({ "item": "tea", "quantity": 2 }));
    let shared = shared(&[place(), cancel()], "shop/orders/1", 2, placed);
    check("costs.md", vec![service, shared], start).await
}
