//! What other systems know of users and could not be taken over, since a name or an address is
//! taken: it waits for a person.

use headwater::{
    Commit, EventError, IndexKey, Projection, ProjectionFn, Row, StreamName, decode, projection_fn,
};
use headwater_dynamodb::{EventStore, Overlay, PageRequest, ReadError, StoreError, Views};
use identity::{ApplyExternalUser, UserEvent, UserRow};
use jiff::Timestamp;
use serde::Serialize;

/// The environment variable that names the stream on which such an update is put back.
pub const EXTERNAL_USERS_STREAM: &str = "EXTERNAL_USERS_STREAM";

/// The domain whose views list such updates.
pub const PARKED_UPDATES_OF: &str = identity::DOMAIN;

static USERS: ProjectionFn = projection_fn::<UserRow>();

/// An update that is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedUpdate {
    /// The user's stream.
    pub stream: StreamName,
    /// The owning system's revision.
    pub revision: u64,
    /// The name of the rule that said no, as `email-taken`.
    pub reason: String,
    /// When it was parked.
    pub at: Timestamp,
}

/// A record of the stream of external users.
#[derive(Serialize)]
struct Record<'a> {
    tenant: &'a str,
    #[serde(flatten)]
    update: ApplyExternalUser,
}

/// The updates that are parked, of one tenant or of all, in order: at most `limit`, those that come
/// after a user's stream if it is given.
///
/// # Errors
/// [`ReadError`].
pub async fn parked_updates(
    views: &Views,
    tenant: Option<&str>,
    after: Option<&StreamName>,
    limit: usize,
) -> Result<Vec<ParkedUpdate>, ReadError> {
    let (overlay, mut after, mut updates) =
        (Overlay::default(), after.map(|stream| IndexKey::waiting(stream).sort), Vec::new());
    while updates.len() < limit {
        let request = PageRequest {
            tenant: tenant.unwrap_or_default(),
            index: IndexKey::WAITING,
            projection: &USERS,
            exact_order: tenant,
            after: after.as_deref(),
            up_to_order: None,
            limit: limit - updates.len(),
            overlay: Some(&overlay),
            keep: &|_| true,
        };
        let page = views.page(request).await?;
        updates.extend(page.rows.iter().filter_map(|listed| update(&listed.stream, &listed.row)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(updates)
}

/// The update of one user that is parked, if there is one.
///
/// # Errors
/// [`ReadError`].
pub async fn parked_update(
    views: &Views,
    stream: &StreamName,
) -> Result<Option<ParkedUpdate>, ReadError> {
    if stream.domain() != identity::DOMAIN || stream.category() != UserRow::CATEGORY {
        return Ok(None);
    }
    let row = views.get(&USERS, stream, Some(0)).await?;
    Ok(row.and_then(|row| update(stream, &row)))
}

/// The record that brings a parked update again, as the owning system would put it.
///
/// # Errors
/// [`StoreError`] if the user's events cannot be read.
pub async fn record_of(
    store: &EventStore,
    parked: &ParkedUpdate,
) -> Result<Option<Vec<u8>>, StoreError> {
    let commits = store.commits_after(&parked.stream, 0).await?;
    let Some(update) = update_of(&commits, parked.revision)? else { return Ok(None) };
    Ok(Some(serde_json::to_vec(&Record { tenant: parked.stream.tenant(), update })?))
}

fn update(stream: &StreamName, row: &Row) -> Option<ParkedUpdate> {
    let parked = row.read::<UserRow>().ok()?.external?.parked?;
    Some(ParkedUpdate {
        stream: stream.clone(),
        revision: parked.revision,
        reason: parked.reason,
        at: parked.at,
    })
}

fn update_of(commits: &[Commit], revision: u64) -> Result<Option<ApplyExternalUser>, EventError> {
    let mut found = None;
    for event in commits.iter().flat_map(|commit| &commit.events) {
        found = ApplyExternalUser::parked(&decode::<UserEvent>(event)?)
            .filter(|update| update.revision == revision)
            .or(found);
    }
    Ok(found)
}
