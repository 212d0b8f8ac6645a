//! What the programs of this package have in common: how they begin, speak and end.

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use headwater::shown_lines;
use indicatif::{ProgressBar, ProgressStyle};

use crate::RUNS_AS_PLATFORM;
use crate::rebuild::RUNS_AS_CLI;

/// A program's `main`: runs it with the arguments of its command line. An error is told, and ends
/// it with 1.
pub fn main<A: Parser>(run: impl AsyncFnOnce(A) -> Result<()>) -> ExitCode {
    if let Some(code) = as_another() {
        return code;
    }
    match complete(run(A::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn complete(run: impl Future<Output = Result<()>>) -> Result<()> {
    run.await
}

/// What a program starts is the program once more: the platform, each of its functions, the CLI.
/// Where it was started as one of these, it is that, until it ends with this code.
pub fn as_another() -> Option<ExitCode> {
    let is_set = |variable| std::env::var_os(variable).is_some();
    if is_set(RUNS_AS_PLATFORM) || is_set("_HANDLER") {
        return Some(headwater_local::run(platform_functions::services(), ""));
    }
    is_set(RUNS_AS_CLI).then(|| headwater_admin::main(&platform_functions::services()))
}

/// Says something on standard output. It may hold what others wrote, so nothing in it acts on a
/// terminal.
#[expect(clippy::print_stdout, reason = "this is a program's output")]
pub fn tell(text: impl Display) {
    println!("{}", shown_lines(&text.to_string()));
}

/// Says on standard error what went wrong.
#[expect(clippy::print_stderr, reason = "this is a program's output")]
pub fn complain(error: &anyhow::Error) {
    eprintln!("error: {}", shown_lines(&format!("{error:#}")));
}

/// A bar that tells how many of `length` are done, with a message beside it, how fast it goes, and
/// how long it will take.
///
/// # Errors
/// None that depends on the arguments.
pub fn progress_bar(length: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {per_sec} eta {eta}")?;
    Ok(ProgressBar::new(length).with_style(style))
}
