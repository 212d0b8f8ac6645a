//! That a subject was forgotten, and how far.

use std::time::{Duration, Instant};

use headwater::{Commit, Domain, Domains, StreamName};
use headwater_dynamodb::{EventStore, StoreError, Views};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use utoipa::ToSchema;

/// How long the rows are waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it is looked whether they are there.
const INTERVAL: Duration = Duration::from_millis(50);

/// Says that a subject was forgotten, and how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// The stream that told of the subject: its whole name.
    pub subject: String,
    /// The number of the event that says so.
    pub version: u64,
    /// When that was decided.
    #[schema(value_type = String, format = "date-time")]
    pub forgotten_at: Timestamp,
    /// Who decided it.
    pub forgotten_by: String,
    /// Whether the key is destroyed under which all was kept that told of the subject. If not, the
    /// projector is yet to do it.
    pub key_is_destroyed: bool,
    /// Whether the rows, lists and searches have forgotten the subject, too. If not, the projector
    /// is yet to do it.
    pub rows_are_purged: bool,
    /// How many events were written before their fields were personal. They are not sealed, so they
    /// still tell of the subject.
    pub plain_events: u64,
    /// Which master key has signed this: its fingerprint.
    pub signed_by: String,
    /// The HMAC-SHA256 of all of the above as JSON, in hexadecimal.
    pub signature: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum NotCertified {
    /// No service has streams of this category, or they tell of nobody.
    #[error("streams of this kind tell of nobody who could be forgotten")]
    Kind,
    /// No event says that the subject is forgotten.
    #[error("the stream does not say that its subject is forgotten")]
    Stream,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Certifies that a subject is forgotten, whose stream must say so. It reads the whole history, and
/// waits up to three seconds for the rows.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use headwater::{Domains, StreamName};
/// use headwater_dynamodb::{EventStore, Views};
/// use headwater_services::{NotCertified, certify};
///
/// async fn is_certain(
///     domains: &Domains,
///     store: &EventStore,
///     views: &Views,
///     subject: &StreamName,
/// ) -> Result<bool, NotCertified> {
///     let deadline = Instant::now() + Duration::from_secs(5);
///     Ok(certify(domains, store, views, subject, deadline).await?.is_complete())
/// }
/// ```
///
/// # Errors
/// [`NotCertified`].
pub async fn certify(
    domains: &Domains,
    store: &EventStore,
    views: &Views,
    subject: &StreamName,
    deadline: Instant,
) -> Result<Certificate, NotCertified> {
    let domain = domains.of(subject).ok_or(NotCertified::Kind)?;
    let aggregate = domain.aggregate(&subject.category()).ok_or(NotCertified::Kind)?;
    let forgets = aggregate.forgets.ok_or(NotCertified::Kind)?;
    let store = store.within(deadline);
    // As they are stored: that tells which events are not sealed.
    let commits = store.sealed().commits_until(subject, u64::MAX).await?;
    let (commit, version) = said(&commits, forgets).ok_or(NotCertified::Stream)?;
    let rows_are_purged = are_purged(domain, views, subject, version, deadline).await?;
    let events = commits.iter().flat_map(|commit| &commit.events);
    let mut certificate = Certificate {
        subject: subject.to_string(),
        version,
        forgotten_at: commit.at,
        forgotten_by: commit.metadata.actor.clone(),
        key_is_destroyed: store.is_forgotten(subject).await?,
        rows_are_purged,
        plain_events: events.filter_map(aggregate.plain).count() as u64,
        signed_by: store.fingerprint()?,
        signature: String::new(),
    };
    certificate.signature = store.sign(&certificate.text())?;
    Ok(certificate)
}

impl Certificate {
    /// Whether nothing in the tables, the archive, streams or copies of them tells of the subject.
    pub fn is_complete(&self) -> bool {
        self.key_is_destroyed && self.rows_are_purged && self.plain_events == 0
    }

    /// Whether it is as the master key of this store has signed it.
    ///
    /// # Errors
    /// [`StoreError`] if the store has no keys.
    pub fn is_signed(&self, store: &EventStore) -> Result<bool, StoreError> {
        store.has_signed(&self.text(), &self.signature)
    }

    /// What is signed.
    fn text(&self) -> String {
        let unsigned = Self { signature: String::new(), ..self.clone() };
        serde_json::to_string(&unsigned).unwrap_or_default()
    }
}

/// The first event that says that the subject is forgotten, and its commit.
fn said<'a>(commits: &'a [Commit], forgets: &str) -> Option<(&'a Commit, u64)> {
    commits.iter().find_map(|commit| {
        let event = commit.events.iter().find(|event| event.event_type == forgets)?;
        Some((commit, event.number))
    })
}

/// Whether the rows have got to the event. They may be a moment behind.
async fn are_purged(
    domain: &Domain,
    views: &Views,
    subject: &StreamName,
    version: u64,
    deadline: Instant,
) -> Result<bool, StoreError> {
    if !domain.is_projected(&subject.category()) {
        return Ok(true);
    }
    let until = deadline.min(Instant::now() + PATIENCE);
    loop {
        let is_purged = views.status(subject).await?.version >= version;
        if is_purged || Instant::now() + INTERVAL > until {
            return Ok(is_purged);
        }
        sleep(INTERVAL).await;
    }
}
