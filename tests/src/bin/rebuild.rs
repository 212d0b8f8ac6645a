//! A rebuild of a million events' rows by the CLI, while clients write and read.
//!
//! ```text
//! cargo run --release -p headwater-tests --bin rebuild -- --events 1000000
//! ```

use std::process::ExitCode;

use clap::Parser;
use headwater_tests::program::{complain, tell};
use headwater_tests::rebuild::{self, RUNS_AS_CLI, Settings};

/// Fills a DynamoDB in memory, builds the rows of all its events anew under live traffic, and
/// checks every read.
#[derive(Parser)]
struct Arguments {
    /// How many events.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// In how many streams.
    #[arg(long, default_value_t = 10_000)]
    streams: u64,
    /// How many clients write and read meanwhile.
    #[arg(long, default_value_t = 4)]
    clients: u64,
    /// In how many segments the events are scanned. The emulator reads a whole segment for each
    /// page, so that many small ones suit it.
    #[arg(long, default_value_t = 256)]
    segments: u32,
    /// How long each step waits until all know of the last one, in seconds. Clients and projectors
    /// remember for 30 seconds which generation is read, and a batch takes some more: with less,
    /// rows are missed, and it is found out.
    #[arg(long, default_value_t = 100)]
    settle: u64,
    /// The same seed makes the same events and choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    if std::env::var_os(RUNS_AS_CLI).is_some() {
        return rebuild::run_as_cli();
    }
    let Arguments { events, streams, clients, segments, settle, seed } = Arguments::parse();
    match run(Settings { events, streams, clients, segments, settle, seed }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(settings: Settings) -> anyhow::Result<()> {
    rebuild::run(settings, |text| tell(text)).await
}
