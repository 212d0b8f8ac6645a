//! Faults on the running platform, each alone and all mixed, and kills, under load; everything is
//! checked.
//!
//! ```text
//! cargo run --release -p headwater-tests --bin faults
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use headwater_tests::faults::{self, Settings};
use headwater_tests::program::{self, tell};

/// Starts a platform on disk and puts it under load while calls go wrong and processes are killed;
/// ends with 1 if anything is lost, done twice, or stale.
#[derive(Parser)]
struct Arguments {
    /// How long each fault alone is in force, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How long all are mixed and functions are killed, in seconds.
    #[arg(long, default_value_t = 180)]
    mixed: u64,
    /// The same seed makes the same choices, but not the same course: processes run as they do.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many clients write and read all the time.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// A document whose table of faults is to be replaced by this run's.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    program::main(run)
}

async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { seconds, mixed, seed, clients, report } = arguments;
    let settings = Settings {
        time: Duration::from_secs(seconds),
        mixed: Duration::from_secs(mixed),
        seed,
        clients,
    };
    let shown = faults::run(std::env::current_exe()?, settings, |text| tell(text)).await?;
    let Some(file) = report else { return Ok(()) };
    let document = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(std::fs::write(&file, shown.table().put_into(&document)?)?)
}
