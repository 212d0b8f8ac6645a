//! Production-like traffic for the licensing service, every answer of which is checked against a
//! simple model of the rules.
//!
//! ```text
//! cargo run -p headwater-tests --bin traffic -- --seed 1 --customers 1000 --commands 100000
//! cargo run -p headwater-tests --bin traffic -- --curve
//! ```

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use headwater_tests::program::{progress_bar, tell};
use headwater_tests::traffic::{self, Settings, curve};
use headwater_tests::{Platform, program};

/// Sends a year of generated traffic to the licensing service and checks every answer.
#[derive(Parser)]
struct Arguments {
    /// The same seed makes the same customers, titles and choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many customers.
    #[arg(long, default_value_t = 1_000)]
    customers: usize,
    /// How many commands in all.
    #[arg(long, default_value_t = 100_000)]
    commands: usize,
    /// Over how many simulated days.
    #[arg(long, default_value_t = 400)]
    days: usize,
    /// How many customers are served at the same time.
    #[arg(long, default_value_t = 12)]
    at_once: usize,
    /// A platform that is running (`cargo local`) and has not seen this traffic; without it one is
    /// started, in memory.
    #[arg(long)]
    url: Option<String>,
    /// Measure instead what commands cost, by the length of the customer's history.
    #[arg(long)]
    curve: bool,
    /// The lengths of history to measure at.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000, 5_000, 10_000])]
    lengths: Vec<u64>,
}

fn main() -> ExitCode {
    program::main(run)
}

async fn run(arguments: Arguments) -> Result<()> {
    let platform = match &arguments.url {
        Some(url) => Platform::at(url),
        None => Platform::start(std::env::current_exe()?, &["--in-memory"])?,
    };
    if arguments.curve {
        measure(&platform, &arguments.lengths).await
    } else {
        drive(&platform, &arguments).await
    }
}

async fn drive(platform: &Platform, arguments: &Arguments) -> Result<()> {
    let &Arguments { seed, customers, commands, days, at_once, .. } = arguments;
    let progress = progress_bar(commands as u64)?;
    let tally =
        traffic::run(platform, &Settings { seed, customers, commands, days, at_once }, &progress)
            .await?;
    progress.finish_and_clear();
    tell(format!(
        "{tally}\nEvery answer agrees with the model (seed {seed}, {customers} customers, {days} \
         days)."
    ));
    Ok(())
}

async fn measure(platform: &Platform, lengths: &[u64]) -> Result<()> {
    let progress = progress_bar(0)?;
    let (mut curve, mut points) = (curve::Curve::new(platform).await?, Vec::new());
    for events in lengths {
        points.extend(curve.measure(*events, &progress).await?);
    }
    progress.finish_and_clear();
    tell(curve::table(&points));
    Ok(())
}
