//! The generator of traffic, in small: see `src/bin/traffic.rs` for a year of 1,000 customers.

use anyhow::Result;
use headwater_tests::Platform;
use headwater_tests::traffic::{self, Settings};
use indicatif::ProgressBar;

use crate::support::PROGRAM;

#[tokio::test]
async fn every_answer_to_generated_traffic_agrees_with_the_model() -> Result<()> {
    agrees(4, 300, 20, &["title-yearly-limit", "license-released"]).await
}

#[tokio::test]
#[ignore = "long: 1,000 commands, which meet every rule"]
async fn every_answer_to_much_traffic_agrees_with_the_model() -> Result<()> {
    let rules = [
        "device-limit",
        "studio-limit",
        "title-yearly-limit",
        "deactivation-limit",
        "license-released",
        "license-expired",
    ];
    agrees(12, 1_000, 100, &rules).await
}

/// Sends so many commands of so many customers, of which more than so many are refused, and by
/// these rules among others.
async fn agrees(customers: usize, commands: usize, refused: u64, rules: &[&str]) -> Result<()> {
    let platform = Platform::start(PROGRAM, &["--in-memory"])?;
    let settings = Settings { seed: 8, customers, commands, days: 400, at_once: 8 };
    let tally = traffic::run(&platform, &settings, &ProgressBar::hidden()).await?;
    let sent = tally.commands() + tally.skipped;
    assert!(sent >= commands as u64 && tally.skipped < 50, "{tally}");
    assert!(tally.refused() > refused, "{tally}");
    for rule in rules {
        assert!(tally.answered(&format!("409 {rule}")) > 0, "{rule} is not met: {tally}");
    }
    Ok(())
}
