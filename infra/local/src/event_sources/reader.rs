//! Reads a shard into its lanes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::mapping::Mapping;
use super::shard::Shard;
use super::source::{Page, Position, Source};
use crate::template::StartingPosition;

/// Between two reads that found nothing. Only what is written past the door waits for it: whoever
/// writes through the door wakes the readers.
const PAUSE: Duration = Duration::from_secs(1);
/// After a write, for more that comes with it.
const GATHERING: Duration = Duration::from_millis(10);
/// After a failed read.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Reads a shard to its end, which comes only when it is closed.
pub(super) async fn read<S: Source>(mapping: Arc<Mapping<S>>, shard: Arc<Shard>) {
    let mut requests = mapping.look.subscribe();
    let mut written = mapping.written.clone();
    let mut position = start(&mapping, &shard);
    let mut iterator = None;
    loop {
        if shard.is_full() {
            sleep(PAUSE).await;
            continue;
        }
        let mut pause = PAUSE;
        written.mark_unchanged();
        let request = *requests.borrow_and_update();
        match read_page(&mapping, &shard, &position, iterator.take()).await {
            Ok(page) => {
                if let Some(last) = page.records.last() {
                    position = Position::After(last.sequence_number.clone());
                }
                shard.take(page.records);
                if page.at_tip || page.next.is_none() {
                    shard.looked.send_replace(request);
                }
                let Some(next) = page.next else { break };
                iterator = Some(next);
                if !page.at_tip {
                    continue;
                }
            }
            Err(Lost::Position) => {
                (position, pause) = (Position::Start(StartingPosition::TrimHorizon), GATHERING);
            }
            Err(Lost::Iterator) => pause = GATHERING,
            Err(Lost::Contact) => pause = RETRY_PAUSE,
        }
        tokio::select! {
            () = sleep(pause) => {}
            Ok(()) = written.changed() => sleep(GATHERING).await,
            _ = requests.changed() => {}
        }
    }
    shard.looked.send_replace(u64::MAX);
    shard.lock().ended = true;
    mapping.shards_changed.notify_one();
}

/// What a failed read means for the next.
enum Lost {
    /// The iterator is no good any more; the position is.
    Iterator,
    /// The stream no longer has, or never had, the position: begin at its oldest record, so that
    /// nothing is skipped.
    Position,
    /// The server can't be reached.
    Contact,
}

async fn read_page<S: Source>(
    mapping: &Mapping<S>,
    shard: &Shard,
    position: &Position,
    iterator: Option<String>,
) -> Result<Page, Lost> {
    let iterator = match iterator {
        Some(iterator) => iterator,
        None => match mapping.stream.iterator(&shard.id, position).await {
            Ok(iterator) => iterator,
            Err(error) => {
                tracing::warn!(
                    function = mapping.function,
                    shard = shard.id,
                    ?position,
                    %error,
                    "no iterator",
                );
                let unknown = [
                    "InvalidArgumentException",
                    "TrimmedDataAccessException",
                    "ValidationException",
                ];
                return Err(match unknown.iter().any(|exception| error.is(exception)) {
                    true => Lost::Position,
                    false => Lost::Contact,
                });
            }
        },
    };
    mapping.stream.read(&shard.id, &iterator).await.map_err(|error| {
        if error.is("ExpiredIteratorException") {
            return Lost::Iterator;
        }
        tracing::warn!(function = mapping.function, shard = shard.id, %error, "a read failed");
        match error.is("TrimmedDataAccessException") {
            true => Lost::Position,
            false => Lost::Contact,
        }
    })
}

fn start<S>(mapping: &Mapping<S>, shard: &Shard) -> Position {
    match shard.lock().progress.checkpoint() {
        Some(number) => Position::After(number.to_owned()),
        None => Position::Start(mapping.source.starting_position),
    }
}
