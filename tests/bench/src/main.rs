//! ```text
//! cargo bench-peers            # ten minutes: docs/explanation/benchmark.md and its plots
//! cargo bench-peers --quick    # less than a minute, into `bench` where Cargo builds
//! ```

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use headwater_bench::effort::Effort;
use headwater_bench::measure::binaries::Folders;
use headwater_bench::measure::{
    binaries, correctness, histories, hot_stream, lag, rebuild, starts, throughput,
};
use headwater_bench::report::Measured;
use headwater_bench::server::{self, RUNS_AS_SERVER};
use headwater_bench::systems::fresh_server;
use headwater_tests::program::as_another;

/// Measures Headwater and its peers, and writes the report.
#[derive(Parser)]
struct Arguments {
    /// Little of everything, to see that it works: its figures are worth nothing, and go to
    /// `bench` in the folder that Cargo builds into.
    #[arg(long)]
    quick: bool,
    /// Takes the functions' binaries as they are, instead of building them.
    #[arg(long)]
    no_build: bool,
}

fn main() -> ExitCode {
    if let Some(code) = as_another() {
        return code;
    }
    // The server that it starts is this program once more, too.
    let is_server = std::env::var_os(RUNS_AS_SERVER).is_some();
    let ended = if is_server { server::serve() } else { run(&Arguments::parse()) };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: &Arguments) -> Result<()> {
    let effort = if arguments.quick { Effort::quick() } else { Effort::full() };
    let folders = Folders::find()?;
    if !arguments.no_build {
        tell("building the functions");
        folders.build()?;
    }
    let program = std::env::current_exe()?;

    tell("what each system finds after some commands");
    let (server, clients) = fresh_server(&program).await?;
    let found = correctness::measure(&clients).await?;
    tell("commands at histories of all lengths");
    let cells = histories::measure(&program, &effort).await?;
    tell("throughput");
    let rates = throughput::measure(&program, &effort).await?;
    tell("one hot stream");
    let hot = hot_stream::measure(&program, &effort).await?;
    tell("starts");
    let started = starts::measure(&server, &folders, &effort).await?;
    drop(server);
    let sizes = binaries::measure(&folders)?;
    tell("projection lag");
    let lag = lag::measure(&program, &effort).await?;
    tell("rebuild");
    let rebuilt = rebuild::measure(&effort).await?;

    let out =
        if arguments.quick { folders.target().join("bench") } else { folders.root().to_path_buf() };
    let measured = Measured { effort, cells, rates, hot, found, lag, rebuilt, started, sizes };
    measured.write(folders.root(), &out)?;
    tell(&format!("written: {}", out.join("docs/explanation/benchmark.md").display()));
    Ok(())
}

#[expect(clippy::print_stderr, reason = "whoever waits wants to know for what")]
fn tell(text: &str) {
    eprintln!("{text}");
}
