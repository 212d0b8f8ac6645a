//! What every query costs on a tenant that has much of everything.
//!
//! ```text
//! cargo run --release -p headwater-tests --bin bounds -- --things 10000
//! ```

use std::process::ExitCode;

use clap::Parser;
use headwater_tests::program::tell;
use headwater_tests::{Platform, bounds, program};

/// Fills the tables of a platform, makes every query of the OpenAPI document, and looks whether
/// reads and answers are bounded.
#[derive(Parser)]
struct Arguments {
    /// How many things of each kind.
    #[arg(long, default_value_t = 10_000)]
    things: usize,
}

fn main() -> ExitCode {
    program::main(run)
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let platform = Platform::start(std::env::current_exe()?, &["--in-memory"])?;
    bounds::run(&platform, arguments.things, |text| tell(text)).await
}
