use std::fmt::Write;

use clap::Args;
use headwater::StreamName;
use headwater_dynamodb::At;
use headwater_services::{PastState, past_state};
use jiff::Timestamp;
use serde_json::Value;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Args)]
pub(crate) struct State {
    /// The stream's whole name: acme/identity/users/ada
    stream: StreamName,
    /// As it was after the event of this number, even in the middle of a commit.
    #[arg(long, value_name = "NUMBER", conflicts_with = "at")]
    version: Option<u64>,
    /// As it was at this time: 2026-11-21T10:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Also show what changed since this version.
    #[arg(long, value_name = "NUMBER")]
    diff: Option<u64>,
}

impl State {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let Self { stream, version, at, diff } = self;
        let at = at.map_or(At::Version(version.unwrap_or(u64::MAX)), At::Time);
        let past =
            past_state(&connection.domains, &connection.store().await?, &stream, at, diff).await?;
        output.one(&past, |past| text(&stream, past, diff))
    }
}

/// The state for people: its stream, the state, and a line for each change.
fn text(
    stream: &StreamName,
    past: &PastState,
    since: Option<u64>,
) -> Result<String, serde_json::Error> {
    let mut text = format!("{stream} at version {}", past.version);
    if let Some(at) = past.at {
        write!(text, ", {at}").ok();
    }
    write!(text, "\n{}", serde_json::to_string_pretty(&past.state)?).ok();
    let Some((changes, since)) = past.diff.as_ref().and_then(|diff| diff.as_array()).zip(since)
    else {
        return Ok(text);
    };
    write!(text, "\nsince version {since}: {}", if changes.is_empty() { "nothing" } else { "" })
        .ok();
    let mut text = text.trim_end().to_owned();
    for change in changes {
        write!(text, "\n  {}", line(change)).ok();
    }
    Ok(text)
}

/// A change for people: an operation of a JSON Patch, with what `was` there if that is told.
pub(crate) fn line(change: &Value) -> String {
    let text = |name: &str| change[name].as_str().unwrap_or_default();
    let mut line = format!("{} {}", text("op"), text("path"));
    let (was, value) = (change.get("was"), change.get("value"));
    if let Some(was) = was {
        write!(line, " {was}").ok();
    }
    if let Some(value) = value {
        let arrow = if was.is_some() { " ->" } else { "" };
        write!(line, "{arrow} {value}").ok();
    }
    line
}
