//! A rebuild of a million events' rows by the CLI, while clients write and read.
//!
//! ```text
//! cargo run --release -p headwater-tests --bin rebuild -- --events 1000000
//! ```

use std::process::ExitCode;

use clap::Parser;
use headwater_tests::program::{self, tell};
use headwater_tests::rebuild::{self, Settings};

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
    program::main(run)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { events, streams, clients, segments, settle, seed } = arguments;
    let settings = Settings { events, streams, clients, segments, settle, seed };
    rebuild::run(settings, |text| tell(text)).await
}
