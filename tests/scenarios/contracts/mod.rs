//! What every call costs: the tables of `docs/reference/costs.md`, see [`headwater_tests::costs`].
//! The rows stand by service.

mod identity;
mod invoicing;
mod licensing;

use anyhow::Result;
use headwater_tests::Platform;
use headwater_tests::costs::{check, in_one_line};

use crate::support::PROGRAM;

/// A platform on which costs are measured.
async fn start() -> Result<Platform> {
    let platform = Platform::start_changed(PROGRAM, &[], in_one_line)?;
    // The first start ever writes the fingerprint of the unique key, which is no cost of a start.
    let nobody = platform.client_with("nobody", "nobody", &[]).await?;
    nobody.call("POST", "/identity/users").send().await?;
    Ok(platform)
}

#[tokio::test]
async fn every_call_costs_what_the_document_says() -> Result<()> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/costs.md");
    let services =
        vec![identity::service(), licensing::service(), invoicing::service(), identity::shared()];
    check(document, services, start).await
}
