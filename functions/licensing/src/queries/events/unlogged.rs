//! Without the customer's log, where an older build has folded some of what it should have, or a
//! stream of playback is parked: all streams are read. The views made anew have the log.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use headwater::{Commit, Part, StreamName, decode};
use headwater_dynamodb::EventStore;
use headwater_lambda::Problem;
use licensing::{CustomerEvent, LicenseRow, playback};

use super::{Read, placed};

/// How many streams are read at once.
const AT_ONCE: usize = 16;

/// Everything that ever happened to a customer.
pub(super) async fn read(store: &EventStore, customer: &StreamName) -> Result<Read, Problem> {
    let mut commits = store.commits_after(customer, 0).await?;
    commits.extend(playback_of(store, customer, &commits).await?);
    Ok(Read { events: placed(&commits).collect(), whole_to: None })
}

/// All commits on playback of all licences that a customer ever had.
async fn playback_of(
    store: &EventStore,
    customer: &StreamName,
    commits: &[Commit],
) -> Result<Vec<Commit>, Problem> {
    let streams = licenses(commits)?
        .into_iter()
        .map(|id| Ok(playback::stream(customer.tenant(), customer.id(), &id)?));
    let streams = streams.collect::<Result<Vec<_>, Problem>>()?;
    let reads =
        streams.into_iter().map(|stream| async move { store.commits_after(&stream, 0).await });
    let histories: Vec<Vec<Commit>> =
        stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(histories.into_iter().flatten().collect())
}

/// The ids of all licences that a customer's history names.
fn licenses(commits: &[Commit]) -> Result<BTreeSet<String>, Problem> {
    let mut ids = BTreeSet::new();
    for event in commits.iter().flat_map(|commit| &commit.events) {
        let event: CustomerEvent = decode(event)?;
        ids.extend(LicenseRow::id(&event).map(str::to_owned));
    }
    Ok(ids)
}
