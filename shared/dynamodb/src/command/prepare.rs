//! From the events that a command decided on to all that is written with them.

use std::collections::BTreeMap;

use headwater::{
    Aggregate, Commit, Decide, Event, Folded, Metadata, Position, Rejection, StreamName, encode,
};
use uuid::Uuid;

use super::action::Action;
use super::append::Append;
use super::claims::{Claims, Unseen};
use super::execute::{Attempt, Write};
use super::idempotency::Record;
use crate::{ExecuteError, Execution, StoreError, commit_to_item, size, store};

impl<C: Decide> Attempt<'_, C> {
    /// All that is to be written with the events: the commit, with a snapshot if one is due;
    /// claims, releases and the number taken; checks of other streams; the record of the answer.
    pub(crate) async fn prepare(
        &mut self,
        events: &[<C::Aggregate as Aggregate>::Event],
        unmoved: Vec<Position>,
    ) -> Result<Write<C::Aggregate>, ExecuteError> {
        let commit = self.commit(events)?;
        let mut after = self.known.clone();
        after.apply(&commit).map_err(StoreError::from)?;
        let values = [&self.known.state, &after.state].map(Aggregate::unique_values);
        let [held, wanted] = &values;
        let (store, heads) = (self.store, &mut self.heads);
        let claims = Claims::between(store, heads, &commit, held, wanted, Unseen::IsFree).await?;
        let Claims { commits: mut companions, unmoved: values } = match claims {
            Ok(claims) => claims,
            Err(rejection) => return self.refuse(rejection, unmoved).await,
        };
        if let Some(numbers) = &self.numbers {
            companions.push(numbers.take(&commit)?);
        }
        let answer = self.record(Ok(&after), Some(commit.first))?;
        let others = actions(companions, unmoved.into_iter().chain(values))?;
        let forgets = <C::Aggregate as Aggregate>::Event::FORGETS;
        let forgets = forgets.is_some_and(|forgets| commit.has(forgets));
        let append = self.append(commit, &mut after, others, answer).await?;
        Ok(Write { append, after, refused: None, forgets })
    }

    /// What records a refusal, if the command wants that: the commit, checks of other streams, the
    /// record of the answer. That another holds the value is not checked: it held it at some moment
    /// of the request.
    async fn refuse(
        &self,
        rejection: Rejection,
        unmoved: Vec<Position>,
    ) -> Result<Write<C::Aggregate>, ExecuteError> {
        let events = match &rejection {
            Rejection::Refused { rule, .. } => {
                self.execution.command.when_taken(&self.known.state, rule)
            }
            Rejection::Unknown { .. } => Vec::new(),
        };
        if events.is_empty() {
            let version = self.known.version;
            return Err(ExecuteError::Rejected { rejection, version });
        }
        let commit = self.commit(&events)?;
        let mut after = self.known.clone();
        after.apply(&commit).map_err(StoreError::from)?;
        let refused = ExecuteError::Rejected { rejection, version: after.version };
        let answer = self.record(Err(&refused), Some(commit.first))?;
        let others = actions(Vec::new(), unmoved.into_iter())?;
        let append = self.append(commit, &mut after, others, answer).await?;
        Ok(Write { append, after, refused: Some(refused), forgets: false })
    }

    /// A commit with a snapshot if one is due, what goes with it, and the record of the answer.
    async fn append(
        &self,
        mut commit: Commit,
        after: &mut Folded<C::Aggregate>,
        mut others: Vec<Action>,
        answer: Option<Record>,
    ) -> Result<Append, StoreError> {
        others.extend(answer.map(Action::Record));
        let (commit_id, first) = (commit.metadata.commit_id, commit.first);
        let (stream, at, since) = (commit.stream.clone(), commit.at, self.known.since_snapshot);
        self.store.seal(&mut commit).await?;
        let mut item = commit_to_item(commit).map_err(StoreError::from)?;
        if let Some(mut snapshot) = store::candidate(after, since)? {
            self.store.seal_state(&stream, after.version, &mut snapshot.state, at).await?;
            let room = size::room(others.iter().map(Action::size).sum());
            if store::ride::<C::Aggregate>(&mut item, snapshot, since, room)? {
                after.since_snapshot = 0;
            }
        }
        others.insert(0, Action::Commit { stream: stream.clone(), item });
        Ok(Append { commit_id, stream, first, actions: others })
    }

    fn commit(&self, events: &[<C::Aggregate as Aggregate>::Event]) -> Result<Commit, StoreError> {
        let Execution { stream, context, origin, .. } = self.execution;
        let first = self.known.version + 1;
        let metadata = Metadata {
            commit_id: Uuid::now_v7(),
            command: C::NAME.to_owned(),
            actor: context.actor.clone(),
            correlation_id: origin.correlation_id.clone(),
            causation_id: origin.causation_id.clone(),
            traceparent: origin.traceparent.clone(),
            reason: None,
        };
        let events = (first..)
            .zip(events)
            .map(|(number, event)| encode(number, event))
            .collect::<Result<_, _>>()?;
        Ok(Commit {
            stream: stream.clone(),
            first,
            at: self.now(),
            metadata,
            events,
            snapshot: None,
        })
    }
}

/// What goes with a commit, each item once: DynamoDB takes no two actions on one. A stream that
/// gets a commit needs no check besides, since the commit goes where the check would look: the
/// heads of a request are the same for all.
pub(crate) fn actions(
    commits: Vec<Commit>,
    unmoved: impl Iterator<Item = Position>,
) -> Result<Vec<Action>, StoreError> {
    let checks: BTreeMap<StreamName, u64> =
        unmoved.map(|Position { stream, version }| (stream, version)).collect();
    let checks = checks
        .into_iter()
        .filter(|(stream, _)| commits.iter().all(|commit| commit.stream != *stream));
    let checks: Vec<Action> =
        checks.map(|(stream, version)| Action::Unmoved { stream, version }).collect();
    let commits = commits.into_iter().map(|commit| {
        Ok(Action::Commit { stream: commit.stream.clone(), item: commit_to_item(commit)? })
    });
    commits.chain(checks.into_iter().map(Ok)).collect()
}
