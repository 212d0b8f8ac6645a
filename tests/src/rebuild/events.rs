//! Users with histories: made at once, then kept up to date from elsewhere, deactivated and
//! reactivated, renamed now and then; some of them far more often than others.

use anyhow::Result;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use fastrand::Rng;
use futures::{StreamExt, TryStreamExt};
use headwater::{Commit, Metadata, StreamName, encode};
use headwater_dynamodb::commit_to_item;
use identity::{UserEvent, user};
use jiff::Timestamp;
use uuid::Uuid;

use super::Settings;
use super::tables::Tables;

/// `BatchWriteItem` takes at most so many items.
const BATCH: usize = 25;

/// How many of these are written at a time.
const AT_ONCE: usize = 8;

const FIRST_NAMES: [&str; 8] =
    ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Niklaus"];
const LAST_NAMES: [&str; 8] =
    ["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Allen", "Wirth"];

/// The stream of a user.
pub(super) fn stream(number: u64) -> Result<StreamName> {
    Ok(user::stream("acme", format!("u{number}"))?)
}

pub(super) fn email(number: u64) -> String {
    format!("u{number}@example.com")
}

/// What was written.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) commits: usize,
    /// The streams with their versions.
    pub(super) heads: Vec<(StreamName, u64)>,
}

/// Writes the histories straight into the events table.
pub(super) async fn fill(tables: &Tables, settings: &Settings) -> Result<Filled> {
    let mut rng = Rng::with_seed(settings.seed);
    let mut left = settings.events;
    let mut filled = Filled::default();
    let mut commits = Vec::new();
    for number in 0..settings.streams {
        let streams = settings.streams - number;
        // One stream in ten has five times as many as the others.
        let share = (left / streams).max(4);
        let wanted = if streams == 1 {
            left
        } else {
            (if rng.u8(..10) == 0 { share * 7 / 2 } else { share * 5 / 7 }).clamp(4, left.max(4))
        };
        let history = history(&mut rng, number, wanted)?;
        filled.heads.extend(history.last().map(|newest| (newest.stream.clone(), newest.last())));
        commits.extend(history);
        left = left.saturating_sub(wanted);
        if commits.len() >= 10_000 {
            filled.commits += write(tables, std::mem::take(&mut commits)).await?;
        }
    }
    filled.commits += write(tables, commits).await?;
    Ok(filled)
}

/// So many events of a user.
fn history(rng: &mut Rng, number: u64, events: u64) -> Result<Vec<Commit>> {
    let stream = stream(number)?;
    let name = format!("u{number}");
    let created = vec![
        UserEvent::UserCreated {},
        UserEvent::UserNameSet { user_name: name.clone().into() },
        UserEvent::DisplayNameSet { display_name: full_name(rng).into() },
        UserEvent::EmailSet { email: email(number).into() },
    ];
    let mut commits = vec![commit(&stream, 1, &created)?];
    let (mut version, mut is_active) = (4, true);
    while version < events {
        let mut changes =
            vec![UserEvent::ExternalRevisionSet { external_id: name.clone(), revision: version }];
        if rng.u8(..3) == 0 && version + 1 < events {
            changes.push(if rng.u8(..8) == 0 {
                UserEvent::DisplayNameSet { display_name: full_name(rng).into() }
            } else if is_active {
                UserEvent::UserDeactivated {}
            } else {
                UserEvent::UserReactivated {}
            });
            is_active ^= !matches!(changes.last(), Some(UserEvent::DisplayNameSet { .. }));
        }
        commits.push(commit(&stream, version + 1, &changes)?);
        version += changes.len() as u64;
    }
    Ok(commits)
}

fn full_name(rng: &mut Rng) -> String {
    let (first, last) =
        (rng.choice(FIRST_NAMES).unwrap_or_default(), rng.choice(LAST_NAMES).unwrap_or_default());
    format!("{first} {last}")
}

fn commit(stream: &StreamName, first: u64, events: &[UserEvent]) -> Result<Commit> {
    let metadata = Metadata {
        commit_id: Uuid::now_v7(),
        command: "PatchUser".to_owned(),
        actor: "import".to_owned(),
        correlation_id: format!("import-{first}"),
        causation_id: None,
        traceparent: None,
        reason: None,
    };
    let events = (first..)
        .zip(events)
        .map(|(number, event)| encode(number, event))
        .collect::<Result<_, _>>()?;
    Ok(Commit {
        stream: stream.clone(),
        first,
        at: Timestamp::from_second(1_700_000_000 + i64::try_from(first)?)?,
        metadata,
        events,
        snapshot: None,
    })
}

async fn write(tables: &Tables, commits: Vec<Commit>) -> Result<usize> {
    let written = commits.len();
    let put = |commit| {
        anyhow::Ok(
            WriteRequest::builder()
                .put_request(PutRequest::builder().set_item(Some(commit_to_item(commit)?)).build()?)
                .build(),
        )
    };
    let puts = commits.into_iter().map(put).collect::<Result<Vec<_>>>()?;
    let batches: Vec<Vec<WriteRequest>> = puts.chunks(BATCH).map(<[_]>::to_vec).collect();
    let batches = batches.into_iter().map(|batch| {
        tables.client().batch_write_item().request_items(tables.events_table(), batch).send()
    });
    futures::stream::iter(batches).buffer_unordered(AT_ONCE).try_for_each(async |_| Ok(())).await?;
    Ok(written)
}
