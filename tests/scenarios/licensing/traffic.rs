//! The generator of traffic, in small: see `src/bin/traffic.rs` for a year of 1,000 customers.

use anyhow::Result;
use headwater_tests::Platform;
use headwater_tests::traffic::{self, Settings};
use indicatif::ProgressBar;

use crate::support::PROGRAM;

#[tokio::test]
async fn every_answer_to_generated_traffic_agrees_with_the_model() -> Result<()> {
    let platform = Platform::start(PROGRAM, &["--in-memory"])?;
    let settings = Settings { seed: 8, customers: 12, commands: 1_000, days: 400, at_once: 8 };
    let tally = traffic::run(&platform, &settings, &ProgressBar::hidden()).await?;
    assert!(tally.commands() + tally.skipped >= 1_000 && tally.skipped < 50, "{tally}");
    assert!(tally.refused() > 100, "{tally}");
    for rule in [
        "device-limit",
        "studio-limit",
        "title-yearly-limit",
        "deactivation-limit",
        "license-released",
        "license-expired",
    ] {
        assert!(tally.answered(&format!("409 {rule}")) > 0, "{rule} is not met: {tally}");
    }
    Ok(())
}
