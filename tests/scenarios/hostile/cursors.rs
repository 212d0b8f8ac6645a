//! Cursors that no list gave, or another.

use std::ops::Range;

use anyhow::Result;
use headwater_tests::{Client, hostile};
use serde_json::json;

use super::target;
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
    let mut target = target().await?;
    fill(&target.client).await?;
    target.all_is_written().await?;
    let lists = hostile::cursors(&mut target, "licensing/customers/x", flips).await?;
    assert!(lists >= 10, "{lists} lists");
    target.finish().await
}
