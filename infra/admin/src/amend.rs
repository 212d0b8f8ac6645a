//! `amend`: appends events that correct a state which no command can reach.

use std::fmt::Write;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;
use headwater::field::line;
use headwater::{EventDraft, StreamName, shown};
use headwater_dynamodb::{
    Concurrent, Done, EventStore, ExecuteError, Expected, Origin, StoreError,
};
use headwater_lambda::parse_json;
use headwater_services::{Amended, HeldValue, NotAmended, Reason, amend};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::state;

/// How long it may take, the reading of a long history included.
const PATIENCE: Duration = Duration::from_secs(120);

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 200;

#[derive(Args)]
pub(crate) struct Amend {
    /// The stream's whole name: acme/identity/users/ada
    stream: StreamName,
    /// An event just as this build writes it: 'EmailSet={"email":"ada@example.com"}'. Given again
    /// for each further event, in order.
    #[arg(long = "event", value_name = "TYPE=JSON", required = true)]
    events: Vec<Draft>,
    /// Why. It is kept with the events for ever.
    #[arg(long)]
    reason: String,
    /// The stream's version: if it has moved on, nothing is written.
    #[arg(long, value_name = "NUMBER")]
    version: Option<u64>,
    /// Who amends.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: String,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
}

/// An event on a command line.
#[derive(Clone)]
struct Draft(EventDraft);

impl FromStr for Draft {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (event_type, data) =
            text.split_once('=').ok_or("must be a type and its data: EmailSet={…}")?;
        // As strict as bodies are: no member twice, no number that some readers would round.
        match parse_json(data.as_bytes()) {
            Ok(Value::Object(data)) => {
                Ok(Self(EventDraft { event_type: event_type.to_owned(), data }))
            }
            Ok(_) => Err("the data must be a JSON object".to_owned()),
            Err(problem) => Err(problem.to_string()),
        }
    }
}

impl Amend {
    /// With one event, on whatever version the stream has.
    pub(crate) fn of_one(
        stream: StreamName,
        event: EventDraft,
        reason: String,
        by: String,
        dry_run: bool,
    ) -> Self {
        Self { stream, events: vec![Draft(event)], reason, version: None, by, dry_run }
    }

    /// Shows first what would change, then writes on the version that was shown.
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        line(&self.by, LONGEST_NAME).map_err(|why| anyhow::anyhow!("--by: {why}"))?;
        let store = connection.store_to_append().await?;
        let now = Timestamp::now();
        let would = self.amend(connection, &store, self.version, now, true).await?;
        if self.dry_run {
            return output.one(&would, |would| Ok(text(&self.stream, would)));
        }
        if !output.is_json() {
            output.one(&would, |would| Ok(text(&self.stream, would)))?;
        }
        let done = self.amend(connection, &store, Some(would.before), now, false).await?;
        output.one(&done, |done| {
            Ok(format!("written: {} is at version {}", self.stream, done.version))
        })
    }

    pub(crate) async fn amend(
        &self,
        connection: &Connection,
        store: &EventStore,
        version: Option<u64>,
        now: Timestamp,
        is_dry_run: bool,
    ) -> Result<Amended, Failure> {
        let events: Vec<EventDraft> =
            self.events.iter().map(|Draft(draft)| draft.clone()).collect();
        let correlation_id = Uuid::now_v7().to_string();
        let wanted = headwater_services::Amend {
            stream: &self.stream,
            events: &events,
            reason: &Reason::from(self.reason.as_str()),
            actor: &self.by,
            origin: Origin { correlation_id, ..Origin::default() },
            expected: Expected { decided_on: version, ..Expected::default() },
            idempotency: None,
            now,
            is_dry_run,
            deadline: Instant::now() + PATIENCE,
        };
        match amend(&connection.domains, store, wanted).await {
            Ok(Done::Committed(folded) | Done::Unchanged(folded)) => Ok(folded.state),
            // Only a request with a key is ever answered so.
            Ok(Done::Replayed(_)) => Err(anyhow::anyhow!("answered before").into()),
            Err(error) => Err(failure(&self.stream, error)),
        }
    }
}

/// Why nothing was written, for an operator.
fn failure(stream: &StreamName, error: NotAmended) -> Failure {
    match error {
        NotAmended::Kind | NotAmended::Stream => Failure::NotFound(error.to_string()),
        NotAmended::Execute(ExecuteError::Concurrent(concurrent)) => moved(stream, &concurrent),
        NotAmended::Execute(ExecuteError::Rejected {
            rejection: headwater::Rejection::Refused { rule, detail, .. },
            ..
        }) => anyhow::anyhow!("{}: {detail}", rule.name).into(),
        NotAmended::Execute(ExecuteError::Store(error @ StoreError::NoUniqueKey)) => {
            let advice = "UNIQUE_KEY is not set: give the functions' secret, since a unique value \
                          changes";
            anyhow::Error::from(error).context(advice).into()
        }
        NotAmended::Execute(ExecuteError::Store(error)) => error.into(),
        error => anyhow::Error::from(error).into(),
    }
}

/// The stream is at another version than it should be.
fn moved(stream: &StreamName, Concurrent { decided_on, version, commits }: &Concurrent) -> Failure {
    let mut text = format!(
        "{stream} is at version {version}, not at {decided_on}, so nothing was written. Since then:"
    );
    let events = commits.iter().flat_map(|commit| commit.events.iter().map(move |e| (commit, e)));
    for (commit, event) in events.filter(|(_, event)| event.number > *decided_on) {
        let metadata = &commit.metadata;
        write!(
            text,
            "\n  {} {} by {} ({})",
            event.number,
            shown(&event.event_type),
            shown(&metadata.actor),
            shown(&metadata.command)
        )
        .ok();
    }
    anyhow::Error::msg(text).into()
}

/// What an amendment changes, for people.
fn text(stream: &StreamName, amended: &Amended) -> String {
    let Amended { before, version, events, state, rows, unique_values, effects, .. } = amended;
    let mut text = format!("{stream}, version {before} -> {version}");
    let mut write = |line: String| write!(text, "\n{line}").ok();
    write("events".to_owned());
    for event in events {
        let sends = if effects.contains(&event.number) { ", which asks for a mail" } else { "" };
        write(format!("  {} {} {}{sends}", event.number, event.event_type, event.data));
    }
    write("state".to_owned());
    for change in state {
        write(format!("  {}", state::line(&json!(change))));
    }
    for row in rows {
        let fate = match (row.existed, row.exists) {
            (true, false) => ", which is gone then",
            (false, true) => ", which is there then",
            _ => "",
        };
        write(format!("row {}{fate}", row.row));
        for change in &row.changes {
            write(format!("  {}", state::line(&json!(change))));
        }
    }
    write("unique values".to_owned());
    let lines = |sign: char, these: &[HeldValue], others: &[HeldValue]| {
        let changed = these.iter().filter(|value| !others.contains(value));
        changed
            .map(|HeldValue { category, value }| format!("  {sign} {category} {}", json!(value)))
            .collect::<Vec<_>>()
    };
    let (held, wanted) = (&unique_values.before, &unique_values.after);
    for line in lines('-', held, wanted).into_iter().chain(lines('+', wanted, held)) {
        write(line);
    }
    text
}
