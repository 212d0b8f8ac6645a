use std::time::Duration;

use clap::Subcommand;
use headwater::StreamName;
use headwater_dynamodb::EventStore;
use headwater_lambda::EventView;
use headwater_services::list_streams;
use serde::Serialize;
use tokio::time::sleep;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Output, with_reason};

/// How often `tail` polls: a poll costs at least half a read unit.
const PAUSE: Duration = Duration::from_secs(1);

/// How many events `tail` begins with.
const TAIL: u64 = 10;

/// How many events one read returns.
const PAGE: usize = 200;

#[derive(Subcommand)]
pub(crate) enum Streams {
    /// List a tenant's streams with their versions, in order of name, as the change feeds know
    /// them.
    Ls {
        /// Whose streams.
        #[arg(long, env = "HEADWATER_TENANT", hide_env_values = true)]
        tenant: String,
        /// Only names that begin like this, without the tenant: identity/users/
        #[arg(long, default_value = "", hide_default_value = true)]
        prefix: String,
        /// Continue after this stream.
        #[arg(long, value_name = "STREAM")]
        after: Option<StreamName>,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show the events of a stream, oldest first.
    Show {
        /// Its whole name: acme/identity/users/ada
        stream: StreamName,
        /// Continue after the event of this number.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show the last events of a stream, then each new one, until interrupted. The stream may still
    /// be empty.
    Tail {
        /// Its whole name: acme/identity/users/ada
        stream: StreamName,
        /// Start after the event of this number, instead of with the last ten.
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
    },
}

impl Streams {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Ls { tenant, prefix, after, limit } => {
                ls(connection, output, &tenant, &prefix, after, limit).await
            }
            Self::Show { stream, after, limit } => {
                show(&connection.store().await?, output, &stream, after, limit).await
            }
            Self::Tail { stream, after } => {
                tail(&connection.store().await?, output, &stream, after).await
            }
        }
    }
}

/// A stream in a list.
#[derive(Serialize)]
struct Listed {
    stream: StreamName,
    version: u64,
}

async fn ls(
    connection: &Connection,
    output: &mut Output<'_>,
    tenant: &str,
    prefix: &str,
    after: Option<StreamName>,
    limit: usize,
) -> Result<(), Failure> {
    let after = after.as_ref().map(StreamName::within_tenant);
    // One more than is shown tells whether there are more.
    let streams = list_streams(
        &connection.domains,
        &connection.feed().await?,
        tenant,
        prefix,
        after,
        limit.saturating_add(1),
    )
    .await?;
    let mut streams: Vec<Listed> =
        streams.into_iter().map(|(stream, version)| Listed { stream, version }).collect();
    let goes_on = streams.len() > limit;
    streams.truncate(limit);
    output.list(&streams, ["STREAM", "VERSION"], |Listed { stream, version }| {
        [stream.to_string(), version.to_string()]
    })?;
    match streams.last().filter(|_| goes_on) {
        Some(last) => output.remark(&format!("there are more: --after {}", last.stream)),
        None => Ok(()),
    }
}

async fn show(
    store: &EventStore,
    output: &mut Output<'_>,
    stream: &StreamName,
    after: u64,
    limit: usize,
) -> Result<(), Failure> {
    let head = store.head(stream).await?;
    if head == 0 {
        return Err(Failure::NotFound("there is no such stream".to_owned()));
    }
    let mut events: Vec<EventView> = Vec::new();
    while events.len() < limit {
        let last = events.last().map_or(after, |event| event.number);
        let page = EventView::after(store, stream, last, PAGE.min(limit - events.len())).await?;
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    output.list(
        &events,
        ["NUMBER", "TIME", "EVENT", "DATA", "COMMAND", "ACTOR", "CORRELATION"],
        columns,
    )?;
    match events.last().filter(|last| last.number < head) {
        Some(last) => output.remark(&format!("there are more: --after {}", last.number)),
        None => Ok(()),
    }
}

async fn tail(
    store: &EventStore,
    output: &mut Output<'_>,
    stream: &StreamName,
    after: Option<u64>,
) -> Result<(), Failure> {
    let mut last = match after {
        Some(after) => after,
        None => store.head(stream).await?.saturating_sub(TAIL),
    };
    loop {
        let page = EventView::after(store, stream, last, PAGE).await?;
        output.lines(&page, |event| columns(event).join("  "))?;
        match page.last() {
            Some(event) => last = event.number,
            None => sleep(PAUSE).await,
        }
    }
}

/// An event, for people.
fn columns(event: &EventView) -> [String; 7] {
    [
        event.number.to_string(),
        event.at.to_string(),
        event.event_type.clone(),
        event.data.to_string(),
        with_reason(&event.command, event.reason.as_deref()),
        event.actor.clone(),
        event.correlation_id.clone(),
    ]
}
