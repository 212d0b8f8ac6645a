//! Amendments: events that a person decided on, to correct a state that no command can reach. They
//! are appended as a command's events are, with the same claims of unique values. What a person saw
//! must still be so when they are written, so that a conflict is never decided again.

use std::time::Instant;

use headwater::{Commit, Folded, Position, Rejection, StreamName, UniqueValue};
use jiff::Timestamp;

use super::action::Action;
use super::append::{Append, Appended};
use super::claims::{Claims, Unseen};
use super::expect::own_holds;
use super::heads::Heads;
use super::idempotency::Record;
use super::prepare::actions;
use super::{Concurrent, Done, ExecuteError, Expected, Idempotency};
use crate::connection::Backoff;
use crate::store::ride_along;
use crate::{EventStore, StoreError, commit_to_item, size};

/// Events that a person decided on, and all that their append needs to know.
pub struct Amendment<'a, R> {
    /// The commit that comes next. Its snapshot is left out where there is no room for it.
    pub commit: Commit,
    /// All commits of the stream before it, in order.
    pub history: &'a [Commit],
    /// Whether the thing exists before it.
    pub is_there: bool,
    /// The unique values that the thing holds before it.
    pub held: &'a [UniqueValue],
    /// Those that it holds after it.
    pub wanted: &'a [UniqueValue],
    /// What the caller expects of the present versions. A version that was decided on must be the
    /// stream's: an amendment commutes with nothing.
    pub expected: &'a Expected,
    /// What is to be told of it.
    pub after: &'a Folded<R>,
    /// The caller's Idempotency-Key, if there is one. A refusal is not recorded.
    pub idempotency: Option<Idempotency<'a, R>>,
    /// The request's time.
    pub now: Timestamp,
    /// Whether all is checked and nothing is written.
    pub is_dry_run: bool,
    /// When to give up.
    pub deadline: Instant,
}

impl EventStore {
    /// Appends an amendment; [`Done::Unchanged`] for a dry run.
    ///
    /// It reads the head of each unique value that changes. Then it costs what a command with the
    /// same events costs.
    ///
    /// # Errors
    /// [`ExecuteError`]; unless it is [`OutcomeUnknown`](ExecuteError::OutcomeUnknown), nothing is
    /// written. [`ExecuteError::Concurrent`] if the stream is at another version than was expected.
    pub async fn amend<R: Clone>(
        &self,
        amendment: Amendment<'_, R>,
    ) -> Result<Done<R>, ExecuteError> {
        let store = self.within(amendment.deadline);
        let idempotency = amendment.idempotency.as_ref().filter(|_| !amendment.is_dry_run);
        let before = amendment.commit.first - 1;
        let stream = &amendment.commit.stream;
        if let Some(idempotency) = idempotency
            && let Some(record) = store.recorded(&idempotency.key, amendment.now).await?
        {
            return store.replay(stream, Some(idempotency), record, before).await;
        }
        let mut backoff = Backoff::until(store.connection().deadline());
        let mut heads = Heads::default();
        loop {
            let append = amendment.prepare(&store, &mut heads).await?;
            if amendment.is_dry_run {
                return Ok(Done::Unchanged(amendment.after.clone()));
            }
            let moved = match store.append(&append).await? {
                Appended::Done => return Ok(Done::Committed(amendment.after.clone())),
                Appended::Answered(record) => {
                    return store.replay(stream, idempotency, record, before).await;
                }
                Appended::Conflict(conflict) => conflict.moved,
            };
            store.connection().meter().conflict();
            if moved.contains(stream) {
                return Err(overtaken(&store, stream, before).await?);
            }
            // Only unique values or other streams have moved: what is to be written stays as it is.
            heads.forget(&moved);
            if !backoff.wait().await {
                return Err(ExecuteError::Contention);
            }
        }
    }
}

impl<R> Amendment<'_, R> {
    /// All that is to be written, if it may be.
    async fn prepare(&self, store: &EventStore, heads: &mut Heads) -> Result<Append, ExecuteError> {
        let unmoved = self.check(store, heads).await?;
        let Self { commit, held, wanted, .. } = self;
        let claims = Claims::between(store, heads, commit, held, wanted, Unseen::IsRead).await?;
        let Claims { commits, unmoved: values } =
            claims.map_err(|rejection| self.refused(rejection))?;
        let mut others = actions(commits, unmoved.into_iter().chain(values))?;
        if let Some(idempotency) = &self.idempotency {
            let answer = (idempotency.answer)(Ok(self.after));
            let record = Record::new(idempotency, &answer, Some(commit.first), self.now)?;
            others.push(Action::Record(record));
        }
        self.append(store, others).await
    }

    /// The commit, with its snapshot if there is room, and what goes with it.
    async fn append(
        &self,
        store: &EventStore,
        mut others: Vec<Action>,
    ) -> Result<Append, ExecuteError> {
        let mut commit = self.commit.clone();
        let (commit_id, first, stream) =
            (commit.metadata.commit_id, commit.first, commit.stream.clone());
        let snapshot = commit.snapshot.take();
        store.seal(&mut commit).await?;
        let (last, at) = (commit.last(), commit.at);
        let mut item = commit_to_item(commit).map_err(StoreError::from)?;
        if let Some(mut snapshot) = snapshot {
            store.seal_state(&stream, last, &mut snapshot.state, at).await?;
            let room = size::room(others.iter().map(Action::size).sum());
            ride_along(&mut item, snapshot, room)?;
        }
        others.insert(0, Action::Commit { stream: stream.clone(), item });
        Ok(Append { commit_id, stream, first, actions: others })
    }

    /// The positions of other streams that must hold when it is written, if all holds now.
    async fn check(
        &self,
        store: &EventStore,
        heads: &mut Heads,
    ) -> Result<Vec<Position>, ExecuteError> {
        let Self { commit: Commit { stream, first, .. }, expected, .. } = self;
        let version = first - 1;
        let decided_on =
            expected.decided_on.map(|version| Position { stream: stream.clone(), version });
        let at_least: Vec<_> = expected.at_least.iter().cloned().chain(decided_on).collect();
        if let Some(ahead) = heads.first_ahead(store, stream, version, &at_least).await? {
            return Err(ExecuteError::TokenAhead(ahead));
        }
        if let Some(decided_on) = expected.decided_on.filter(|decided_on| *decided_on < version) {
            let since = self.history.iter().filter(|commit| commit.last() > decided_on);
            let commits = since.cloned().collect();
            return Err(ExecuteError::Concurrent(Concurrent { decided_on, version, commits }));
        }
        let unmoved = heads.matching(store, stream, version, expected.if_match.as_ref()).await?;
        unmoved
            .filter(|_| own_holds(expected, stream, version, self.is_there))
            .ok_or(ExecuteError::PreconditionFailed { version })
    }

    fn refused(&self, rejection: Rejection) -> ExecuteError {
        ExecuteError::Rejected { rejection, version: self.commit.first - 1 }
    }
}

/// What was appended after the version that the amendment was made on.
async fn overtaken(
    store: &EventStore,
    stream: &StreamName,
    decided_on: u64,
) -> Result<ExecuteError, StoreError> {
    let commits = store.commits_after(stream, decided_on).await?;
    // The winner's transaction may not be seen yet.
    let Some(version) = commits.last().map(Commit::last) else {
        return Ok(ExecuteError::Contention);
    };
    Ok(ExecuteError::Concurrent(Concurrent { decided_on, version, commits }))
}
