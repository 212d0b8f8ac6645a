//! The program `faults` with some seconds for all of them: all functions and the whole platform
//! killed, nothing lost.

use std::time::Duration;

use anyhow::Result;
use headwater_tests::faults::{self, Settings};

use crate::support::PROGRAM;

const SETTINGS: Settings = Settings {
    time: Duration::from_secs(1),
    mixed: Duration::from_secs(5),
    alone: false,
    seed: 1,
    clients: 6,
};

#[tokio::test]
async fn under_faults_and_kills_nothing_is_lost_done_twice_or_stale() -> Result<()> {
    let report = faults::run(PROGRAM, SETTINGS, |_| ()).await?;
    assert!(report.acknowledged() > 10, "{}", report.acknowledged());
    Ok(())
}

#[tokio::test]
#[ignore = "long: each fault alone, too"]
async fn under_each_fault_nothing_is_lost_done_twice_or_stale() -> Result<()> {
    let report = faults::run(PROGRAM, Settings { alone: true, ..SETTINGS }, |_| ()).await?;
    assert!(report.acknowledged() > 50, "{}", report.acknowledged());
    Ok(())
}
