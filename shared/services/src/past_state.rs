use headwater::{Domains, StreamName, unmarked};
use headwater_dynamodb::{At, EventStore, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The state of a stream as it was.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PastState {
    /// The number of the last event in it.
    pub version: u64,
    /// When that was decided.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub at: Option<Timestamp>,
    /// What the rules see.
    pub state: Value,
    /// What changed since version `diff`, as a JSON Patch (RFC 6902).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Value>,
}

/// Why there is no state to show.
#[derive(Debug, thiserror::Error)]
pub enum NoPastState {
    /// No service has streams of this category.
    #[error("there is no such kind of stream")]
    Kind,
    /// The stream has not got that far, or had not begun at that time.
    #[error("there is no such stream, or it has no such version")]
    Version,
    /// What changed since a version after the one that is shown was asked for.
    #[error("version {since} is later than {version}, which is shown")]
    Since {
        /// The version after which changes were to be shown.
        since: u64,
        /// The version of the state.
        version: u64,
    },
    /// The store did not answer, or holds an event that this build cannot read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The state that the rules saw, at a version (in the middle of a commit too; `u64::MAX` is the
/// present) or at a time. With `since` it also says what changed since that version.
///
/// ```
/// use headwater::{Domains, StreamName};
/// use headwater_dynamodb::{At, EventStore};
/// use headwater_services::{NoPastState, past_state};
///
/// /// The till as of event 7, and what has changed since event 3.
/// async fn then(
///     domains: &Domains,
///     store: &EventStore,
///     till: &StreamName,
/// ) -> Result<String, NoPastState> {
///     let past = past_state(domains, store, till, At::Version(7), Some(3)).await?;
///     Ok(format!("{} after {:?}", past.state, past.diff))
/// }
/// ```
///
/// # Errors
/// [`NoPastState`].
pub async fn past_state(
    domains: &Domains,
    store: &EventStore,
    stream: &StreamName,
    at: At,
    since: Option<u64>,
) -> Result<PastState, NoPastState> {
    let mut past = state(domains, store, stream, at).await?;
    if past.version == 0
        || matches!(at, At::Version(version) if version != u64::MAX && version != past.version)
    {
        return Err(NoPastState::Version);
    }
    if let Some(since) = since {
        if since > past.version {
            return Err(NoPastState::Since { since, version: past.version });
        }
        let before = state(domains, store, stream, At::Version(since)).await?;
        past.diff = Some(
            serde_json::to_value(json_patch::diff(&before.state, &past.state))
                .map_err(StoreError::from)?,
        );
    }
    Ok(past)
}

/// Folds a stream with the aggregate of its kind.
async fn state(
    domains: &Domains,
    store: &EventStore,
    stream: &StreamName,
    at: At,
) -> Result<PastState, NoPastState> {
    let aggregate = domains.of(stream).and_then(|service| service.aggregate(&stream.category()));
    let folded = store.state_at(aggregate.ok_or(NoPastState::Kind)?, stream, at).await?;
    let state = unmarked(folded.state);
    Ok(PastState { version: folded.version, at: folded.at, state, diff: None })
}
