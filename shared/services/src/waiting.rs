//! Updates from other systems that a rule refused: they wait for a person.

use headwater::{Domain, IndexKey, Parked, Row, StreamName};
use headwater_dynamodb::{EventStore, Overlay, PageRequest, ReadError, StoreError, Views};

/// An update that is parked, and the thing that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedUpdate {
    /// The thing's stream.
    pub stream: StreamName,
    /// What was refused, and why.
    pub parked: Parked,
}

/// The updates that are parked in a domain's views, of one tenant or of all, in order: at most
/// `limit`, those after a thing's stream if it is given. Empty if no other system owns things of
/// the domain.
///
/// ```
/// use headwater::Domain;
/// use headwater_dynamodb::{ReadError, Views};
/// use headwater_services::parked_updates;
///
/// async fn reasons(domain: &Domain, views: &Views) -> Result<Vec<String>, ReadError> {
///     let updates = parked_updates(domain, views, Some("acme"), None, 100).await?;
///     Ok(updates.into_iter().map(|update| update.parked.reason).collect())
/// }
/// ```
///
/// # Errors
/// [`ReadError`].
pub async fn parked_updates(
    domain: &Domain,
    views: &Views,
    tenant: Option<&str>,
    after: Option<&StreamName>,
    limit: usize,
) -> Result<Vec<ParkedUpdate>, ReadError> {
    let Some(external) = &domain.external else { return Ok(Vec::new()) };
    let (overlay, mut after, mut updates) =
        (Overlay::default(), after.map(|stream| IndexKey::waiting(stream).sort), Vec::new());
    while updates.len() < limit {
        let request = PageRequest {
            tenant: tenant.unwrap_or_default(),
            index: IndexKey::WAITING,
            projection: &external.projection,
            exact_order: tenant,
            after: after.as_deref(),
            up_to_order: None,
            limit: limit - updates.len(),
            overlay: Some(&overlay),
            keep: &|_| true,
        };
        let page = views.page(request).await?;
        let update = |stream: &StreamName, row: &Row| {
            Some(ParkedUpdate { stream: stream.clone(), parked: (external.parked)(row)? })
        };
        updates.extend(page.rows.iter().filter_map(|listed| update(&listed.stream, &listed.row)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(updates)
}

/// The update that is parked for one thing.
///
/// ```
/// use headwater::{Domain, StreamName};
/// use headwater_dynamodb::{ReadError, Views};
/// use headwater_services::parked_update;
///
/// async fn waits(domain: &Domain, views: &Views, user: &StreamName) -> Result<bool, ReadError> {
///     Ok(parked_update(domain, views, user).await?.is_some())
/// }
/// ```
///
/// # Errors
/// [`ReadError`].
pub async fn parked_update(
    domain: &Domain,
    views: &Views,
    stream: &StreamName,
) -> Result<Option<ParkedUpdate>, ReadError> {
    let Some(external) = &domain.external else { return Ok(None) };
    if stream.category() != external.projection.category {
        return Ok(None);
    }
    let row = views.get(&external.projection, stream, Some(0)).await?;
    let parked = row.and_then(|row| (external.parked)(&row));
    Ok(parked.map(|parked| ParkedUpdate { stream: stream.clone(), parked }))
}

/// The record that brings a parked update again, as the owning system would put it. `None` if no
/// event of the thing parked it.
///
/// ```
/// use headwater::Domain;
/// use headwater_dynamodb::{EventStore, StoreError};
/// use headwater_services::{ParkedUpdate, record_of};
///
/// /// The record to put once more on the stream on which updates arrive.
/// async fn again(
///     domain: &Domain,
///     store: &EventStore,
///     update: &ParkedUpdate,
/// ) -> Result<Option<Vec<u8>>, StoreError> {
///     record_of(domain, store, update).await
/// }
/// ```
///
/// # Errors
/// [`StoreError`] if the thing's events cannot be read.
pub async fn record_of(
    domain: &Domain,
    store: &EventStore,
    update: &ParkedUpdate,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(external) = &domain.external else { return Ok(None) };
    let commits = store.commits_after(&update.stream, 0).await?;
    Ok((external.record)(&commits, update.parked.revision)?)
}
