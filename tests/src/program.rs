//! What the programs of this package have in common: how they speak.

use std::fmt::Display;

use anyhow::Result;
use headwater::shown_lines;
use indicatif::{ProgressBar, ProgressStyle};

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
