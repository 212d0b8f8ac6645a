//! The program `faults` with some seconds for each fault: all of them, all functions and the whole
//! platform killed, nothing lost.

use std::time::Duration;

use anyhow::Result;
use headwater_tests::faults::{self, Settings};

use crate::support::PROGRAM;

#[tokio::test]
async fn under_faults_and_kills_nothing_is_lost_done_twice_or_stale() -> Result<()> {
    let settings = Settings {
        time: Duration::from_secs(1),
        mixed: Duration::from_secs(5),
        seed: 1,
        clients: 6,
    };
    let report = faults::run(PROGRAM, settings, |_| ()).await?;
    assert!(report.acknowledged() > 50, "{}", report.acknowledged());
    Ok(())
}
