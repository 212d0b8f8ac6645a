//! The loop of a command: a state, a decision, an append; again after a conflict.

use headwater::{Aggregate, Context, Decide, Folded, Number, Position, Source, sequence_stream};
use jiff::Timestamp;

use super::append::{Append, Appended, Conflict};
use super::expect::own_holds;
use super::heads::Heads;
use super::numbers::Numbers;
use super::since::Since;
use crate::connection::Backoff;
use crate::{Done, EventStore, ExecuteError, Execution, StoreError};

impl EventStore {
    /// Decides a command and appends what follows.
    ///
    /// One `PutItem` if the state is cached or assumed to be empty, with one `Query` before it
    /// otherwise; a transaction if unique values, other streams or an Idempotency-Key are involved.
    /// Each conflict costs one more write and, up to the second, no read. An answer that writes
    /// nothing comes only from a state read strongly in this call.
    ///
    /// ```no_run
    /// # mod till {
    /// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
    /// # }
    /// # use till::*;
    /// use std::time::{Duration, Instant};
    ///
    /// use headwater::{Context, StreamName};
    /// use headwater_dynamodb::{
    ///     Done, EventStore, ExecuteError, Execution, Expected, Origin,
    /// };
    ///
    /// async fn add_coin(
    ///     store: &EventStore,
    ///     till: StreamName,
    ///     context: Context,
    /// ) -> Result<Option<u64>, ExecuteError> {
    ///     let execution = Execution {
    ///         stream: till,
    ///         command: &AddCoin { cents: 50 },
    ///         context,
    ///         origin: Origin::default(),
    ///         expected: Expected::default(),
    ///         is_new: false,
    ///         idempotency: None,
    ///         deadline: Instant::now() + Duration::from_secs(5),
    ///     };
    ///     Ok(match store.execute(execution).await? {
    ///         Done::Committed(till) | Done::Unchanged(till) => Some(till.version),
    ///         Done::Replayed(_) => None,
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ExecuteError`]; unless it is [`OutcomeUnknown`](ExecuteError::OutcomeUnknown), nothing is
    /// written.
    pub async fn execute<C: Decide>(
        &self,
        execution: Execution<'_, C>,
    ) -> Result<Done<C::Aggregate>, ExecuteError> {
        let store = self.within(execution.deadline);
        let outcome = match Attempt::begin(&store, &execution).await {
            Err(error) => Err(error.into()),
            Ok(mut attempt) => match attempt.run().await {
                // The store has answered in this call; that no time was left for more is the doing
                // of those who were faster.
                Err(ExecuteError::Store(StoreError::Unavailable(_))) if attempt.conflicts > 0 => {
                    Err(ExecuteError::Contention)
                }
                Err(ExecuteError::OutcomeUnknown { .. }) if attempt.conflicts > 0 => {
                    Err(ExecuteError::OutcomeUnknown { contended: true })
                }
                outcome => outcome,
            },
        };
        match outcome {
            Err(ExecuteError::OutcomeUnknown { .. }) => store.cache().evict(&execution.stream),
            // A newer build may have answered this very request, and then written more.
            Err(ExecuteError::Store(StoreError::Newer(_))) => {
                if let Some(idempotency) = &execution.idempotency
                    && let Some(record) =
                        store.recorded(&idempotency.key, execution.context.now).await?
                {
                    return store.replay(&execution.stream, Some(idempotency), record, 0).await;
                }
            }
            _ => {}
        }
        outcome
    }
}

/// A command on its way.
pub(crate) struct Attempt<'a, C: Decide> {
    pub(crate) store: &'a EventStore,
    pub(crate) execution: &'a Execution<'a, C>,
    /// The state to decide on.
    pub(crate) known: Folded<C::Aggregate>,
    /// Whether it was the present state at some moment of this call. What was cached or assumed may
    /// have been overtaken long ago.
    is_verified: bool,
    pub(crate) heads: Heads,
    pub(crate) numbers: Option<Numbers>,
    since: Since,
    conflicts: u32,
    backoff: Backoff,
}

/// What a command wants written.
pub(crate) struct Write<A> {
    pub(crate) append: Append,
    /// The state after it.
    pub(crate) after: Folded<A>,
    /// Why the command is refused, where what is written only says so.
    pub(crate) refused: Option<ExecuteError>,
    /// Whether the subject of the stream is forgotten with it.
    pub(crate) forgets: bool,
}

impl<'a, C: Decide> Attempt<'a, C> {
    async fn begin(
        store: &'a EventStore,
        execution: &'a Execution<'a, C>,
    ) -> Result<Self, StoreError> {
        let cached = store.cache().get(&execution.stream);
        let is_known = match &cached {
            Some(cached) => may_be_followed(cached, execution.context.now),
            None => execution.is_new,
        };
        let mut attempt = Self {
            store,
            execution,
            is_verified: false,
            heads: Heads::default(),
            numbers: None,
            since: Since::default(),
            conflicts: 0,
            backoff: Backoff::until(store.connection().deadline()),
            known: cached.unwrap_or_default(),
        };
        if !is_known {
            attempt.read().await?;
        }
        Ok(attempt)
    }

    async fn run(&mut self) -> Result<Done<C::Aggregate>, ExecuteError> {
        loop {
            let Write { append, after, refused, forgets } = match self.decide().await {
                Ok(Some(write)) => write,
                // What came between has been read in this call, and stays.
                Err(error @ ExecuteError::Concurrent(_)) => return self.answer(Err(error)).await,
                // Whoever knew that the subject is forgotten would not have wanted to write this.
                Err(error @ ExecuteError::Store(StoreError::Erased { .. })) => {
                    let (version, was_verified) = (self.known.version, self.is_verified);
                    self.read().await?;
                    if was_verified && self.known.version == version {
                        return self.answer(Err(error)).await;
                    }
                    continue;
                }
                Err(error) if !error.is_decision() => return Err(error),
                _ if !self.is_verified => {
                    self.read().await?;
                    continue;
                }
                Ok(None) => return self.answer(Ok(())).await,
                Err(error) => return self.answer(Err(error)).await,
            };
            match self.store.append(&append).await? {
                Appended::Done => {
                    self.store.cache().put(&self.execution.stream, &after);
                    if forgets {
                        self.store.forget_soon(&self.execution.stream, self.now()).await;
                    }
                    return refused.map_or(Ok(Done::Committed(after)), Err);
                }
                Appended::Answered(record) => return self.replay(record).await,
                Appended::Conflict(conflict) => self.catch_up(*conflict).await?,
            }
        }
    }

    /// Brings the state up to date.
    async fn read(&mut self) -> Result<(), StoreError> {
        self.known =
            self.store.load_onto(std::mem::take(&mut self.known), &self.execution.stream).await?;
        self.is_verified = true;
        Ok(())
    }

    /// What the command makes of the state; `None` if it is so already.
    async fn decide(&mut self) -> Result<Option<Write<C::Aggregate>>, ExecuteError> {
        let Execution { stream, expected, .. } = self.execution;
        let version = self.known.version;
        if let Some(position) =
            self.heads.first_ahead(self.store, stream, version, &expected.at_least).await?
        {
            return Err(ExecuteError::TokenAhead(position));
        }
        let Some(unmoved) = self
            .heads
            .matching(self.store, stream, version, expected.if_match.as_ref())
            .await?
            .filter(|_| own_holds(expected, stream, version, self.known.is_there()))
        else {
            return Err(ExecuteError::PreconditionFailed { version });
        };
        self.check_since().await?;
        let Execution { command, .. } = self.execution;
        let number = self.number().await?;
        let context = Context { now: self.now(), ..self.execution.context.clone() };
        let events = command
            .decide(&self.known.state, &context, number)
            .map_err(|rejection| ExecuteError::Rejected { rejection, version })?;
        if events.is_empty() {
            return Ok(None);
        }
        self.prepare(&events, unmoved).await.map(Some)
    }

    /// What the command takes of its sequence.
    async fn number(&mut self) -> Result<C::Number, StoreError> {
        match C::Number::SOURCE {
            Source::Nothing(none) => Ok(none),
            Source::Sequence(name, number) => {
                let stream = &self.execution.stream;
                let sequence = sequence_stream(stream.tenant(), stream.domain(), name)?;
                let head = self.heads.of(self.store, &sequence).await?;
                let numbers = self.numbers.insert(Numbers::new(sequence, head)?);
                Ok(number(numbers.next()))
            }
        }
    }

    /// That the version which the caller decided on was reached, and that the command commutes with
    /// all that came since.
    async fn check_since(&mut self) -> Result<(), ExecuteError> {
        let Execution { stream, command, expected, .. } = self.execution;
        let Some(decided_on) = expected.decided_on else { return Ok(()) };
        if decided_on > self.known.version {
            let stream = stream.clone();
            return Err(ExecuteError::TokenAhead(Position { stream, version: decided_on }));
        }
        let conflict = self
            .since
            .conflict(self.store, stream, *command, decided_on, self.known.version)
            .await?;
        conflict.map_or(Ok(()), |concurrent| Err(ExecuteError::Concurrent(concurrent)))
    }

    /// The request's time to the millisecond, but never before the stream's last commit, nor before
    /// the last number of its sequence was taken: so dates never fall as numbers rise, whichever
    /// clock stamped the requests.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.execution.context.now;
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let taken_at = self.numbers.as_ref().and_then(Numbers::last_taken_at);
        [self.known.at, taken_at].into_iter().flatten().fold(now, Timestamp::max)
    }

    /// Prepares the next attempt after a conflict. The failed condition returned the commit that
    /// won, so the first conflict needs no read. From the second on the stream is contended and is
    /// read.
    ///
    /// A state that was verified stays so: the winner came after it in this call, so for a moment
    /// of this call it was the last.
    async fn catch_up(&mut self, Conflict { winner, moved }: Conflict) -> Result<(), ExecuteError> {
        self.store.connection().meter().conflict();
        self.conflicts += 1;
        tracing::info!(
            stream = %self.execution.stream,
            conflicts = self.conflicts,
            "conflict",
        );
        self.heads.forget(&moved);
        let mut is_lost = false;
        if let Some(mut winner) = winner {
            self.store.open(std::slice::from_mut(&mut winner)).await?;
            self.known.apply(&winner).map_err(StoreError::from)?;
            is_lost = !may_be_followed(&self.known, self.execution.context.now);
            if let Some(decided_on) = self.execution.expected.decided_on {
                self.since.note(&winner, decided_on);
            }
            self.store.cache().put(&self.execution.stream, &self.known);
        }
        if self.conflicts >= 2 {
            if !self.backoff.wait().await {
                return Err(ExecuteError::Contention);
            }
            // Where only other streams have moved, the own one was found as it was known.
            is_lost |= moved.contains(&self.execution.stream);
        }
        if is_lost {
            self.read().await?;
        }
        Ok(())
    }
}

/// Whether a command may be appended to a state that was not read in this call.
///
/// A place that is free in the table was never taken, or its commit was moved to the archive. So it
/// must be known that nothing was in that place long enough to be moved. What follows a commit is
/// younger than it. The first place of a stream is never free again.
fn may_be_followed<A: Aggregate>(known: &Folded<A>, now: Timestamp) -> bool {
    let is_young = |(retention, at)| now.duration_since(at) < retention / 2;
    A::RETENTION.zip(known.at).is_none_or(is_young)
}
