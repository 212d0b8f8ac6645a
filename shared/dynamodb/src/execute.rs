//! The way of a command: a state, a decision, an append; again where others were faster.

use headwater::{Aggregate, Command, Commit, Context, Folded, Metadata, Position, Rejection, encode};
use jiff::Timestamp;
use uuid::Uuid;

use crate::append::{Append, Appended, Conflict};
use crate::claims::Claims;
use crate::expect::Heads;
use crate::idempotency::{Record, replay};
use crate::part::Part;
use crate::retry::Backoff;
use crate::{Answered, EventStore, ExecuteError, Execution, Item, Outcome, StoreError, commit_to_item, size, snapshots};

impl EventStore {
    /// Decides a command and appends what follows.
    ///
    /// One `PutItem` if the state is cached or assumed to be empty, with one `Query` before it otherwise; a transaction if unique values,
    /// other streams or an Idempotency-Key are involved. Each conflict costs one more write and, up to the second, no read. An answer
    /// that writes nothing comes only from a state read strongly in this call.
    ///
    /// # Errors
    /// [`ExecuteError`]; unless it is [`OutcomeUnknown`](ExecuteError::OutcomeUnknown), nothing is written.
    pub async fn execute<C: Command>(&self, execution: Execution<'_, C>) -> Result<Outcome<C::Aggregate>, ExecuteError> {
        let store = self.within(execution.deadline);
        let outcome = Attempt::begin(&store, &execution).await?.run().await;
        if matches!(outcome, Err(ExecuteError::OutcomeUnknown)) {
            store.cache().evict(&execution.stream);
        }
        outcome
    }
}

/// A command on its way.
struct Attempt<'a, C: Command> {
    store: &'a EventStore,
    execution: &'a Execution<'a, C>,
    /// The state to decide on.
    known: Folded<C::Aggregate>,
    /// Whether it was the present state at some moment of this call. What was cached or assumed may have been overtaken long ago.
    is_verified: bool,
    heads: Heads,
    claims: Claims,
    conflicts: u32,
    backoff: Backoff,
}

/// What a state makes of the command.
enum Decision<A> {
    Nothing(Nothing),
    Append(Append, Folded<A>),
}

/// Why nothing is written.
enum Nothing {
    TokenAhead(Position),
    PreconditionFailed,
    Rejected(Rejection),
    Unchanged,
}

impl<'a, C: Command> Attempt<'a, C> {
    async fn begin(store: &'a EventStore, execution: &'a Execution<'a, C>) -> Result<Self, StoreError> {
        let cached = store.cache().get(&execution.stream);
        let mut attempt = Self {
            store,
            execution,
            is_verified: false,
            heads: Heads::default(),
            claims: Claims::default(),
            conflicts: 0,
            backoff: Backoff::until(store.deadline()),
            known: cached.clone().unwrap_or_default(),
        };
        if cached.is_none() && !execution.is_new {
            attempt.read().await?;
        }
        Ok(attempt)
    }

    async fn run(mut self) -> Result<Outcome<C::Aggregate>, ExecuteError> {
        loop {
            match self.decide().await? {
                Decision::Nothing(_) if !self.is_verified => self.read().await?,
                Decision::Nothing(nothing) => return self.answer(nothing).await,
                Decision::Append(append, after) => match self.store.append(&append).await? {
                    Appended::Done => return Ok(self.committed(after)),
                    Appended::Answered(record) => return self.replay(record),
                    Appended::Conflict(conflict) => self.catch_up(conflict).await?,
                },
            }
        }
    }

    /// Brings the state up to date.
    async fn read(&mut self) -> Result<(), StoreError> {
        self.known = self.store.load_onto(std::mem::take(&mut self.known), &self.execution.stream).await?;
        self.is_verified = true;
        Ok(())
    }

    async fn decide(&mut self) -> Result<Decision<C::Aggregate>, ExecuteError> {
        let Execution { stream, command, expected, .. } = self.execution;
        if let Some(position) = self.heads.first_ahead(self.store, stream, self.known.version, &expected.at_least).await? {
            return Ok(Decision::Nothing(Nothing::TokenAhead(position)));
        }
        let Some(unmoved) = self.heads.matching(self.store, stream, self.known.version, expected.if_match.as_ref()).await? else {
            return Ok(Decision::Nothing(Nothing::PreconditionFailed));
        };
        let context = Context { now: self.now(), ..self.execution.context.clone() };
        match command.decide(&self.known.state, &context) {
            Err(rejection) => Ok(Decision::Nothing(Nothing::Rejected(rejection))),
            Ok(events) if events.is_empty() => Ok(Decision::Nothing(Nothing::Unchanged)),
            Ok(events) => self.prepare(&events, unmoved).await,
        }
    }

    /// The request's time to the millisecond, but never before the stream's last commit.
    fn now(&self) -> Timestamp {
        let now = self.execution.context.now;
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.known.at.map_or(now, |at| at.max(now))
    }

    /// All that is to be written with the events: the commit, with a snapshot if one is due; claims and releases; checks of other streams;
    /// the record of the answer.
    async fn prepare(
        &mut self,
        events: &[<C::Aggregate as Aggregate>::Event],
        unmoved: Vec<Position>,
    ) -> Result<Decision<C::Aggregate>, ExecuteError> {
        let commit = self.commit(events)?;
        let mut after = self.known.clone();
        after.apply(&commit).map_err(StoreError::from)?;
        let claims = match self.claims.commits(self.store, &commit, &self.known.state, &after.state).await? {
            Ok(claims) => claims,
            Err(rejection) => return Ok(Decision::Nothing(Nothing::Rejected(rejection))),
        };
        let mut others = companions(claims, unmoved)?;
        if let Some(answer) = self.record(Answered::Committed(&after))? {
            others.push(Part::Record(answer));
        }
        let (commit_id, first) = (commit.metadata.commit_id, commit.first);
        let mut item = commit_to_item(commit).map_err(StoreError::from)?;
        let room = size::room(others.iter().map(Part::size).sum());
        if snapshots::ride(&mut item, &after, self.known.since_snapshot, room)? {
            after.since_snapshot = 0;
        }
        let stream = self.execution.stream.clone();
        others.insert(0, Part::Commit { stream: stream.clone(), item });
        Ok(Decision::Append(Append { commit_id, stream, first, parts: others }, after))
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
        };
        let events = (first..).zip(events).map(|(number, event)| encode(number, event)).collect::<Result<_, _>>()?;
        Ok(Commit { stream: stream.clone(), first, at: self.now(), metadata, events, snapshot: None })
    }

    /// Others were faster. The commit that won came with the refusal, so the first time no read is needed; then it is a crowd.
    ///
    /// A state that was verified stays so: the winner came after it in this call, so for a moment of this call it was the last.
    async fn catch_up(&mut self, Conflict { winner, moved }: Conflict) -> Result<(), ExecuteError> {
        self.store.meter().conflict();
        self.conflicts += 1;
        tracing::info!(stream = %self.execution.stream, conflicts = self.conflicts, "others were faster");
        self.heads.forget(&moved);
        self.claims.refresh(self.store, &moved).await?;
        if let Some(winner) = winner {
            self.known.apply(&winner).map_err(StoreError::from)?;
            self.store.cache().put(&self.execution.stream, &self.known);
        }
        if self.conflicts < 2 {
            return Ok(());
        }
        if !self.backoff.wait().await {
            return Err(ExecuteError::Contention);
        }
        Ok(self.read().await?)
    }

    fn committed(self, after: Folded<C::Aggregate>) -> Outcome<C::Aggregate> {
        self.store.cache().put(&self.execution.stream, &after);
        Outcome::Committed(after)
    }

    /// Answers without writing, except for the record of the answer. An answer that was recorded before takes precedence.
    async fn answer(self, nothing: Nothing) -> Result<Outcome<C::Aggregate>, ExecuteError> {
        if let Some(record) = self.earlier_answer(&nothing).await? {
            return self.replay(record);
        }
        match nothing {
            Nothing::TokenAhead(position) => Err(ExecuteError::TokenAhead(position)),
            Nothing::PreconditionFailed => Err(ExecuteError::PreconditionFailed { version: self.known.version }),
            Nothing::Rejected(rejection) => Err(ExecuteError::Rejected(rejection)),
            Nothing::Unchanged => Ok(Outcome::Unchanged(self.known)),
        }
    }

    /// The record of the answer that the same key had before, if it had one. If not, the present answer is recorded if it is of the kind.
    async fn earlier_answer(&self, nothing: &Nothing) -> Result<Option<Item>, ExecuteError> {
        let Some(idempotency) = &self.execution.idempotency else { return Ok(None) };
        let answered = match nothing {
            Nothing::PreconditionFailed => Answered::PreconditionFailed { version: self.known.version },
            Nothing::Rejected(rejection @ Rejection::Refused { .. }) => Answered::Refused(rejection),
            Nothing::Unchanged => Answered::Unchanged(&self.known),
            Nothing::TokenAhead(_) | Nothing::Rejected(Rejection::Unknown { .. }) => {
                return Ok(self.store.recorded(&idempotency.key, self.execution.context.now).await?);
            }
        };
        match self.record(answered)? {
            Some(record) => self.store.record(&record).await,
            None => Ok(None),
        }
    }

    fn record(&self, answered: Answered<'_, C::Aggregate>) -> Result<Option<Record>, StoreError> {
        let Some(idempotency) = &self.execution.idempotency else { return Ok(None) };
        let answer = (idempotency.answer)(answered);
        Record::new(&idempotency.key, &idempotency.request_hash, &answer, self.execution.context.now).map(Some)
    }

    fn replay(&self, record: Item) -> Result<Outcome<C::Aggregate>, ExecuteError> {
        let request_hash = self.execution.idempotency.as_ref().map_or("", |idempotency| &idempotency.request_hash);
        Ok(Outcome::Replayed(replay(record, request_hash)?))
    }
}

/// What goes with a commit, each item once: a stream that gets a commit needs no check besides.
fn companions(claims: Vec<Commit>, unmoved: Vec<Position>) -> Result<Vec<Part>, StoreError> {
    let checks = unmoved.into_iter().filter(|position| claims.iter().all(|claim| claim.stream != position.stream));
    let checks: Vec<Part> = checks.map(|Position { stream, version }| Part::Unmoved { stream, version }).collect();
    let claims = claims.into_iter().map(|claim| Ok(Part::Commit { stream: claim.stream.clone(), item: commit_to_item(claim)? }));
    claims.chain(checks.into_iter().map(Ok)).collect()
}
