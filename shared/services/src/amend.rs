//! Amendments: events that a person appends to correct a state that no command can reach.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use headwater::field::{Line, Text};
use headwater::{
    AMEND, AggregateFn, Checked, Commit, Domain, Domains, EventDraft, Folded, Metadata, Misfit,
    Snapshot, StreamName,
};
use headwater_dynamodb::{
    Amendment, Done, EventStore, ExecuteError, Expected, Idempotency, Origin, StoreError,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::amended::{Amended, Change, HeldValue, HeldValues, RowChange, changes, row_changes};
use crate::effects;

/// The most events of one amendment.
pub const MOST_EVENTS: usize = 100;

/// Why a stream is amended, in a person's words.
pub type Reason = Text<Line<500>>;

/// An amendment, and all that it needs to know.
pub struct Amend<'a> {
    /// The stream that it appends to.
    pub stream: &'a StreamName,
    /// Its events, in order.
    pub events: &'a [EventDraft],
    /// Why.
    pub reason: &'a Reason,
    /// Who.
    pub actor: &'a str,
    /// Where it comes from, for the commit's metadata.
    pub origin: Origin,
    /// What the caller expects of the present versions.
    pub expected: Expected,
    /// The caller's Idempotency-Key, if there is one.
    pub idempotency: Option<Idempotency<'a, Amended>>,
    /// The request's time.
    pub now: Timestamp,
    /// Whether all is checked and shown, and nothing is written.
    pub is_dry_run: bool,
    /// When to give up.
    pub deadline: Instant,
}

/// Why a stream is not amended. Unless the outcome is unknown, nothing is written.
#[derive(Debug, thiserror::Error)]
pub enum NotAmended {
    /// No service has streams of this category.
    #[error("there is no such kind of stream")]
    Kind,
    /// The stream has no events: there is nothing to correct.
    #[error("there is no such stream")]
    Stream,
    /// Something about the amendment itself is wrong.
    #[error("{pointer}: {why}")]
    Invalid {
        /// Where, as a JSON pointer into the request: `/events/0/data/userName`.
        pointer: String,
        /// What is wrong there.
        why: String,
    },
    /// The store could not, or did not want to, append it.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl From<StoreError> for NotAmended {
    fn from(error: StoreError) -> Self {
        Self::Execute(error.into())
    }
}

/// Appends events of the domain to a stream, and tells what they change. It is [`Done::Unchanged`]
/// for a dry run.
///
/// The whole history is read, since the rows are folded from it.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use headwater::{Domains, EventDraft, StreamName};
/// use headwater_dynamodb::{EventStore, Expected, Origin};
/// use headwater_services::{Amend, NotAmended, amend};
/// use jiff::Timestamp;
/// use serde_json::Map;
///
/// /// Closes a till that no command can close any more.
/// async fn close(
///     domains: &Domains,
///     store: &EventStore,
///     till: &StreamName,
///     now: Timestamp,
/// ) -> Result<(), NotAmended> {
///     let closed = EventDraft { event_type: "TillClosed".to_owned(), data: Map::new() };
///     let wanted = Amend {
///         stream: till,
///         events: &[closed],
///         reason: &"it burnt down".into(),
///         actor: "ada",
///         origin: Origin::default(),
///         expected: Expected::default(),
///         idempotency: None,
///         now,
///         is_dry_run: false,
///         deadline: Instant::now() + Duration::from_secs(5),
///     };
///     amend(domains, store, wanted).await?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`NotAmended`].
pub async fn amend(
    domains: &Domains,
    store: &EventStore,
    amend: Amend<'_>,
) -> Result<Done<Amended>, NotAmended> {
    let domain = domains.of(amend.stream).ok_or(NotAmended::Kind)?;
    let aggregate = domain.aggregate(&amend.stream.category()).ok_or(NotAmended::Kind)?;
    amend.check()?;
    let store = store.within(amend.deadline);
    let mut commits = store.commits_until(amend.stream, u64::MAX).await?;
    let Some(newest) = commits.last() else { return Err(NotAmended::Stream) };
    whole(amend.stream, &commits)?;
    let commit = amend.commit(aggregate, newest)?;
    let before = (aggregate.check)(&commits);
    if let Some((_, error)) = before.stopped {
        return Err(StoreError::from(error).into());
    }
    commits.push(commit);
    let Outcome { checked, state, snapshot, rows } =
        Fold { domain, aggregate, before: &before }.outcome(amend.stream, &mut commits)?;
    let Some(mut commit) = commits.pop() else { return Err(NotAmended::Stream) };
    let version = commit.last();
    let held = |checked: &Checked| checked.holds.iter().map(HeldValue::from).collect();
    let amended = Amended {
        dry_run: amend.is_dry_run,
        before: commit.first - 1,
        version,
        events: commit.events.iter().map(Into::into).collect(),
        state,
        rows,
        unique_values: HeldValues { before: held(&before), after: held(&checked) },
        effects: effects(domains, &commit).map(|(_, effect)| effect.number).collect(),
    };
    let at = Some(commit.at);
    commit.snapshot = Some(snapshot);
    let amendment = Amendment {
        commit,
        history: &commits,
        is_there: before.is_there,
        held: &before.holds,
        wanted: &checked.holds,
        expected: &amend.expected,
        after: &Folded { state: amended, version, at, since_snapshot: 0 },
        idempotency: amend.idempotency,
        now: amend.now,
        is_dry_run: amend.is_dry_run,
        deadline: amend.deadline,
    };
    let forgets = aggregate.forgets.is_some_and(|forgets| amendment.commit.has(forgets));
    let done = store.amend(amendment).await?;
    if forgets && store.has_keys() && matches!(done, Done::Committed(_)) {
        // If it fails, the projector does it when it meets the event.
        store.forget(amend.stream, amend.now).await.ok();
    }
    Ok(done)
}

impl Amend<'_> {
    /// What can be said of it without the stream.
    fn check(&self) -> Result<(), NotAmended> {
        if !(1..=MOST_EVENTS).contains(&self.events.len()) {
            return Err(invalid("/events", format!("must be 1 to {MOST_EVENTS} events")));
        }
        self.reason.check().map_err(|why| invalid("/reason", why))
    }

    /// The commit after the newest one.
    fn commit(&self, aggregate: &AggregateFn, newest: &Commit) -> Result<Commit, NotAmended> {
        let first = newest.last() + 1;
        let events = (first..).zip(self.events).enumerate().map(|(place, (number, draft))| {
            (aggregate.recorded)(draft, number).map_err(|Misfit { pointer, why }| {
                invalid(&format!("/events/{place}{pointer}"), why)
            })
        });
        let now = Timestamp::from_millisecond(self.now.as_millisecond()).unwrap_or(self.now);
        Ok(Commit {
            stream: self.stream.clone(),
            first,
            at: now.max(newest.at),
            metadata: Metadata {
                commit_id: Uuid::now_v7(),
                command: AMEND.to_owned(),
                actor: self.actor.to_owned(),
                correlation_id: self.origin.correlation_id.clone(),
                causation_id: self.origin.causation_id.clone(),
                traceparent: self.origin.traceparent.clone(),
                reason: Some(self.reason.to_string()),
            },
            events: events.collect::<Result<_, _>>()?,
            snapshot: None,
        })
    }
}

/// What folds a stream.
struct Fold<'a> {
    domain: &'static Domain,
    aggregate: &'a AggregateFn,
    /// What the stream came to before.
    before: &'a Checked,
}

/// What a stream comes to with an amendment.
struct Outcome {
    checked: Checked,
    state: Vec<Change>,
    snapshot: Snapshot,
    rows: Vec<RowChange>,
}

impl Fold<'_> {
    /// What the commits come to, of which the last one is new.
    ///
    /// # Errors
    /// [`NotAmended::Invalid`] with the first event that cannot be folded.
    fn outcome(&self, stream: &StreamName, commits: &mut [Commit]) -> Result<Outcome, NotAmended> {
        let why = match self.fold(stream, commits) {
            Ok(outcome) => return Ok(outcome),
            Err(why) => why,
        };
        // Which event it is: the last one of the shortest beginning that cannot be folded.
        let mut place = 0;
        if let Some(events) = commits.last().map(|commit| commit.events.clone()) {
            let with = |commits: &mut [Commit], count: usize| {
                if let Some(commit) = commits.last_mut() {
                    commit.events = events[..count].to_vec();
                }
                self.fold(stream, commits).is_err()
            };
            place = (1..events.len()).find(|count| with(commits, *count)).unwrap_or(events.len());
        }
        Err(invalid(&format!("/events/{}", place.saturating_sub(1)), why))
    }

    /// As [`outcome`](Self::outcome), but the error is in words alone.
    ///
    /// A command guards what its events hold, and a fold relies on that. What a person writes may
    /// make it panic, as by a sum that is too large. It would stop the projector, too.
    fn fold(&self, stream: &StreamName, commits: &[Commit]) -> Result<Outcome, String> {
        let folded = catch_unwind(AssertUnwindSafe(|| self.fold_unguarded(stream, commits)));
        folded.unwrap_or_else(|panic| Err(format!("it cannot be folded: {}", text(&*panic))))
    }

    fn fold_unguarded(&self, stream: &StreamName, commits: &[Commit]) -> Result<Outcome, String> {
        let Self { domain, aggregate, before } = self;
        let history = commits.split_last().map_or(commits, |(_, history)| history);
        let checked = (aggregate.check)(commits);
        if let Some((_, error)) = &checked.stopped {
            return Err(error.to_string());
        }
        if let Some((sequence, number)) = checked.numbers.get(before.numbers.len()) {
            return Err(format!("only a command takes a number of {sequence}, as {number}"));
        }
        let state = |commits: &[Commit]| {
            let folded = (aggregate.state_at)(commits, u64::MAX);
            folded.map(|folded| folded.state).map_err(|error| error.to_string())
        };
        let (was, is) = (state(history)?, state(commits)?);
        let changes = changes(&was, &is);
        let snapshot = Snapshot { revision: aggregate.revision, state: is };
        if !(aggregate.reads)(&snapshot) {
            return Err("the state after it could not be read back".to_owned());
        }
        let rows = row_changes(domain.projections, stream, commits)
            .map_err(|error| format!("a row cannot be folded: {error}"))?;
        Ok(Outcome { checked, state: changes, snapshot, rows })
    }
}

/// That no event is missing.
fn whole(stream: &StreamName, commits: &[Commit]) -> Result<(), StoreError> {
    let firsts = commits
        .iter()
        .scan(1, |next, commit| Some((commit.first, std::mem::replace(next, commit.last() + 1))));
    match firsts.into_iter().find(|(first, next)| first != next) {
        Some((_, missing)) => Err(StoreError::Gap { stream: stream.clone(), missing }),
        None => Ok(()),
    }
}

/// What a panic says.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("the fold panics")
}

fn invalid(pointer: &str, why: String) -> NotAmended {
    NotAmended::Invalid { pointer: pointer.to_owned(), why }
}
