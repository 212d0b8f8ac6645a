//! What every query costs on a tenant that has much of everything.
//!
//! ```text
//! cargo run --release -p headwater-tests --bin bounds -- --things 10000
//! ```

use std::process::ExitCode;

use clap::Parser;
use headwater_tests::program::{complain, tell};
use headwater_tests::{Platform, RUNS_AS_PLATFORM, bounds};

/// Fills the tables of a platform, makes every query of the OpenAPI document, and looks whether
/// reads and answers are bounded.
#[derive(Parser)]
struct Arguments {
    /// How many things of each kind.
    #[arg(long, default_value_t = 10_000)]
    things: usize,
}

fn main() -> ExitCode {
    // The platform that it starts, and each function of that, is this program once more.
    if std::env::var_os(RUNS_AS_PLATFORM).is_some() || std::env::var_os("_HANDLER").is_some() {
        return headwater_local::run(platform_functions::services());
    }
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let platform = Platform::start(std::env::current_exe()?, &["--in-memory"])?;
    bounds::run(&platform, arguments.things, |text| tell(text)).await
}
