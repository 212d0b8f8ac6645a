//! Cursors that no list gave, or another.

use std::ops::Range;

use anyhow::Result;
use headwater_tests::Client;
use serde_json::json;

use super::target::Target;
use crate::support::{create_group, create_user};

/// How many bits of each cursor are turned over.
const FLIPS: usize = 6;
/// The same where there is time.
const MANY_FLIPS: usize = 40;

/// Two of everything that is listed, so that each list has a second page.
async fn fill(client: &Client) -> Result<()> {
    for name in ["ada", "bob"] {
        let user = create_user(client, name).await?;
        let group = create_group(client, name).await?;
        client
            .call("PUT", &format!("/identity/groups/{}/members/{}", group.id(), user.id()))
            .send()
            .await?
            .expect(200)?;
        let invoice = json!({
            "customer": { "name": name, "email": "ada@example.com" },
            "currency": "EUR",
            "lineItems": [],
        });
        client.post("/invoicing/invoices", &invoice).await?.expect(201)?;
        let customer = json!({ "name": name, "email": format!("{name}@example.com") });
        client.post("/invoicing/customers", &customer).await?.expect(201)?;
        let license = json!({ "titleId": name, "studioId": "fox", "deviceId": name });
        let license =
            client.post("/licensing/customers/x/licenses", &license).await?.expect(201)?;
        client
            .call("POST", &format!("/licensing/customers/x/licenses/{}/downloaded", license.id()))
            .send()
            .await?
            .expect(200)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_cursor_leads_on_in_its_own_list_or_nowhere() -> Result<()> {
    leads_on_or_nowhere(0..FLIPS).await
}

#[tokio::test]
#[ignore = "long: more bits of each cursor are turned over"]
async fn whatever_bit_of_a_cursor_is_turned_over_it_leads_on_or_nowhere() -> Result<()> {
    leads_on_or_nowhere(FLIPS..MANY_FLIPS).await
}

async fn leads_on_or_nowhere(flips: Range<usize>) -> Result<()> {
    let mut target = Target::start().await?;
    let (client, stranger) = (target.client.clone(), target.platform.client("other").await?);
    fill(&client).await?;
    target.all_is_written().await?;
    let mut cursors = Vec::new();
    for route in target.routes.clone().into_iter().filter(|route| route.is_list) {
        let path = route.with("x").replace("/events/x", "/events/licensing/customers/x");
        let page = client.call("GET", &format!("{path}?limit=1")).send().await?;
        if let Some(cursor) = page.body["next"].as_str() {
            cursors.push((path, cursor.to_owned()));
        }
    }
    assert!(cursors.len() >= 10, "{cursors:?}");
    let lists: Vec<String> = cursors.iter().map(|(path, _)| path.clone()).collect();
    for (place, (path, cursor)) in cursors.iter().enumerate() {
        let at = |cursor: &str| format!("{path}?limit=1&cursor={cursor}");
        for length in [1, cursor.len() / 2, cursor.len() - 1] {
            let call = client.call("GET", &at(&cursor[..length]));
            target.answer(&format!("{path} with the first {length} of a cursor"), call).await?;
        }
        for flip in flips.clone() {
            let mut bytes = cursor.clone().into_bytes();
            let length = bytes.len();
            bytes[(flip * 7) % length] ^= 1 << (flip % 6);
            let flipped: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            target
                .answer(
                    &format!("{path} with a bit turned over"),
                    client.call("GET", &at(&flipped)),
                )
                .await?;
        }
        // Of another list, and of this one to another tenant, who sees nothing of it.
        let other = &lists[(place + 1) % lists.len()];
        target
            .answer(
                &format!("{other} with a cursor of {path}"),
                client.call("GET", &format!("{other}?cursor={cursor}")),
            )
            .await?;
        let shown = target
            .answer(&format!("{path} with a stranger's cursor"), stranger.call("GET", &at(cursor)))
            .await?;
        if shown.body["items"].as_array().is_some_and(|items| !items.is_empty()) {
            target.fault(format!("{path} shows a stranger {}", shown.body));
        }
    }
    target.finish().await
}
