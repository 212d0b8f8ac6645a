//! Effects outside, as mails: each at most once without a person, and never silently lost.
//!
//! Sending and noting that it was sent cannot be one step. So a handler *leases* an event's effect,
//! carries it out, then *marks* it:
//!
//! | state | how it came | what a record of the event leads to |
//! |---|---|---|
//! | absent | not tried yet | lease, carry out |
//! | `leased` | a handler is carrying it out | wait; after the lease, `unknown` |
//! | `done` | it was carried out | nothing: a replay or a rebuild carries nothing out again |
//! | `failed` | it was certainly not carried out, and may be tried again | wait until the pause is over; lease, carry out |
//! | `failed`, no try | a person wants it tried again | lease, carry out; until then it is listed as waiting |
//! | `parked` | it certainly failed too often, or can never be carried out | nothing, until a person [settles](Effects::settle) it |
//! | `unknown` | the lease ended without a mark (the process died between the two, or the mark was lost), or the handler does not know | the same |
//!
//! **Invariant:** an effect that is neither done nor listed has a record that comes again. So a
//! mark that finds another state than it expects never says that the record may be forgotten: the
//! next record reads the state.
//!
//! The pause between two tries is kept here, because a record may come again at any pace: an event
//! source that bisects a failing batch delivers it many times within a second.
//!
//! A lease must last longer than a handler can live, so that its work is over when it ends. If
//! clocks disagree by more than the difference, an effect that was carried out is parked; it is
//! never carried out twice. Its handler can still mark it then.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | effect | `mail/acme/invoicing/invoices/7` | the event's number, 20 digits | `s` state, `o` its lease's id, `u` until when it is leased, or not to be tried again (ms), `n` tries so far, `e` the last error, `w` since when it waits for a person (ms) |
//! | what waits for a person | `waiting/mail` | `acme/invoicing/invoices/7#…12` | as above |

mod carry_out;
mod item;
mod waiting;

use std::time::Duration;

use headwater::StreamName;
use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

pub use self::carry_out::{Carried, NotDone};
use self::item::{EffectItem, State};
pub use self::waiting::{Standing, Waiting, WhyWaiting};
use crate::table::{Condition, Consistency, Table};
use crate::{EventStore, StoreError};

/// How many certain failures park an effect.
pub const MOST_TRIES: u32 = 5;

/// The effects of one handler.
///
/// ```no_run
/// use std::time::Duration;
///
/// use headwater_dynamodb::{Carried, EffectId, Effects, EventStore};
///
/// # async fn print() -> Result<(), headwater_dynamodb::NotDone> { Ok(()) }
/// # async fn test(store: EventStore) -> Result<(), Box<dyn std::error::Error>> {
/// let receipts = Effects::new(store, "effects", "receipts");
/// let receipt = EffectId { stream: "acme/shop/tills/front".parse()?, number: 7 };
/// let (lease, pause) = (Duration::from_secs(120), Duration::from_secs(30));
/// // However often event 7 is delivered, its receipt is printed at most once.
/// match receipts.carry_out(receipt, lease, pause, print()).await? {
///     Carried::Out | Carried::OutBefore => {}
///     Carried::Waiting => println!("a person has to look at it"),
///     Carried::Later => println!("the event's record has to come again"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Effects {
    table: Table,
    handler: String,
    /// A time, and when it was that: so it goes on by the clock of the runtime.
    now: (Timestamp, Instant),
}

/// Whose effect: that of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectId {
    /// The event's stream.
    pub stream: StreamName,
    /// The event's number.
    pub number: u64,
}

/// What a handler may do about an effect.
#[derive(Debug, PartialEq, Eq)]
pub enum Lease {
    /// Carry it out, then mark it.
    Granted(Granted),
    /// Nothing: it was carried out.
    Done,
    /// Nothing now: another handler has the lease, or it failed just now. The record has to come
    /// again.
    Busy,
    /// Nothing: it waits for a person.
    Waiting,
}

/// The right and the duty to carry an effect out and to mark it.
#[derive(Debug, PartialEq, Eq)]
pub struct Granted {
    effect: EffectId,
    owner: Uuid,
    tries: u32,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// It may be tried again: the record has to come again.
    TryAgain,
    /// It waits for a person.
    Waiting,
}

/// What a person found out about an effect that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It was carried out, or is not to be.
    Done,
    /// It was not carried out, and is to be: the next record of its event leads to it.
    TryAgain,
}

impl Effects {
    /// The effects of the handler of this name in the table of that name.
    pub fn new(store: EventStore, effects_table: &str, handler: &str) -> Self {
        // In this order the two can only run ahead of the clock, and not behind it.
        let begun = Instant::now();
        let now = (Timestamp::now(), begun);
        Self {
            table: Table::new(store.connection(), effects_table),
            handler: handler.to_owned(),
            now,
        }
    }

    /// The same by another clock than the machine's, which says `now`.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now: (now, Instant::now()), ..self }
    }

    /// Asks to carry an effect out, under a lease of this length: longer than an invocation can
    /// live. One call where nobody has tried.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing may be carried out.
    pub async fn lease(&self, effect: EffectId, length: Duration) -> Result<Lease, StoreError> {
        let owner = Uuid::now_v7();
        let fresh = self.leased(&effect, owner, length, 1).into_item()?;
        if self.table.put_if(fresh, Condition::absent()).await? {
            return Ok(Lease::Granted(Granted { effect, owner, tries: 1 }));
        }
        let Some(found) = self.find(&effect).await? else { return Ok(Lease::Busy) };
        match found.state {
            State::Leased | State::Failed if found.until > self.after(Duration::ZERO) => {
                Ok(Lease::Busy)
            }
            State::Leased => self.give_up(found).await,
            State::Failed => self.lease_again(effect, owner, length, &found).await,
            State::Done => Ok(Lease::Done),
            State::Parked | State::Unknown => Ok(Lease::Waiting),
        }
    }

    /// Marks an effect that was carried out.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be marked: it will then wait for a person.
    pub async fn done(&self, granted: &Granted) -> Result<(), StoreError> {
        let done = EffectItem { state: State::Done, ..self.marked(granted) };
        if self
            .table
            .put_if(done.clone().into_item()?, item::is(granted.owner, State::Leased))
            .await?
        {
            return Ok(());
        }
        // The lease had ended, so it was taken for unknown, and perhaps a person wants another try:
        // it is known now.
        let writes = vec![
            self.table.delete(done.waiting_key())?,
            self.table.put(done.into_item()?, Some(item::under(granted.owner)))?,
        ];
        self.table.transact(writes).await?;
        Ok(())
    }

    /// Marks an effect that was surely not carried out. It is left alone for this pause, and for
    /// twice as long after each further time.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be marked: it will then wait for a person.
    pub async fn failed(
        &self,
        granted: &Granted,
        error: &str,
        pause: Duration,
    ) -> Result<AfterFailure, StoreError> {
        if granted.tries >= MOST_TRIES {
            return self.refused(granted, error).await;
        }
        let pause = pause.saturating_mul(1 << granted.tries.saturating_sub(1).min(16));
        let failed = EffectItem {
            state: State::Failed,
            until: self.after(pause),
            error: Some(error.to_owned()),
            ..self.marked(granted)
        };
        // Where this finds another state, the record's next coming finds it too, and does what that
        // state wants.
        self.table.put_if(failed.into_item()?, item::is(granted.owner, State::Leased)).await?;
        Ok(AfterFailure::TryAgain)
    }

    /// Marks an effect that can never be carried out as it is: it waits for a person at once.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be marked: it will then wait for a person as unknown.
    pub async fn refused(
        &self,
        granted: &Granted,
        error: &str,
    ) -> Result<AfterFailure, StoreError> {
        let parked = EffectItem {
            state: State::Parked,
            error: Some(error.to_owned()),
            ..self.marked(granted)
        };
        Ok(if self.put_aside(parked).await? {
            AfterFailure::Waiting
        } else {
            AfterFailure::TryAgain
        })
    }

    /// Marks an effect of which whoever carried it out does not know whether it was. At the end of
    /// its lease it would be taken for unknown anyhow; so nobody has to wait for that, and the
    /// reason is kept.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be marked: it will then wait for a person without the reason.
    pub async fn unknown(
        &self,
        granted: &Granted,
        error: &str,
    ) -> Result<AfterFailure, StoreError> {
        let unknown = EffectItem {
            state: State::Unknown,
            error: Some(error.to_owned()),
            ..self.marked(granted)
        };
        Ok(if self.put_aside(unknown).await? {
            AfterFailure::Waiting
        } else {
            AfterFailure::TryAgain
        })
    }

    /// Does what a person found out about an effect, whatever it waits for now; `false` if it does
    /// not wait. An effect that is to be tried again stays in the list until a record leads to it.
    /// So this may be called again if that record was lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(
        &self,
        effect: &EffectId,
        settlement: Settlement,
    ) -> Result<bool, StoreError> {
        self.settle_if(effect, settlement, |_| true).await
    }

    /// The same for what has waited since that time, as the list showed it. If the effect was tried
    /// after that and waits anew, the person knows nothing of it: nothing is changed, and the
    /// answer is `false`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_since(
        &self,
        effect: &EffectId,
        since: Timestamp,
        settlement: Settlement,
    ) -> Result<bool, StoreError> {
        let since = since.as_millisecond();
        self.settle_if(effect, settlement, |found| found.since == Some(since)).await
    }

    async fn settle_if(
        &self,
        effect: &EffectId,
        settlement: Settlement,
        is_meant: impl Fn(&EffectItem) -> bool,
    ) -> Result<bool, StoreError> {
        let found = self.find(effect).await?.filter(EffectItem::waits);
        let Some(found) = found.filter(is_meant) else { return Ok(false) };
        let unchanged = item::is(found.owner, found.state);
        let writes = match settlement {
            Settlement::Done => {
                let done = EffectItem { state: State::Done, ..found };
                vec![
                    self.table.delete(done.waiting_key())?,
                    self.table.put(done.into_item()?, Some(unchanged))?,
                ]
            }
            Settlement::TryAgain => {
                let asked_for = EffectItem { state: State::Failed, until: 0, tries: 0, ..found };
                vec![
                    self.table.put(asked_for.waiting()?, None)?,
                    self.table.put(asked_for.into_item()?, Some(unchanged))?,
                ]
            }
        };
        self.table.transact(writes).await
    }

    /// Notes that an event's effect is not to be carried out, unless something is known of it
    /// already; says whether nothing was. For events that happened elsewhere, or before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forgo(&self, effect: &EffectId) -> Result<bool, StoreError> {
        let done = EffectItem::new(&self.handler, effect, State::Done, Uuid::now_v7(), 0, 0);
        self.table.put_if(done.into_item()?, Condition::absent()).await
    }

    /// Drops whatever is known of an effect but that it is not to be carried out: what a handler
    /// said of it may name a person who is forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, effect: &EffectId) -> Result<(), StoreError> {
        let done = EffectItem::new(&self.handler, effect, State::Done, Uuid::now_v7(), 0, 0);
        let waiting = self.table.delete(done.waiting_key())?;
        self.table.transact(vec![waiting, self.table.put(done.into_item()?, None)?]).await?;
        Ok(())
    }

    async fn lease_again(
        &self,
        effect: EffectId,
        owner: Uuid,
        length: Duration,
        failed: &EffectItem,
    ) -> Result<Lease, StoreError> {
        let tries = failed.tries.saturating_add(1);
        let again = self.leased(&effect, owner, length, tries).into_item()?;
        let unchanged = item::is(failed.owner, State::Failed);
        let is_ours = if failed.is_asked_for() {
            let listed = self.table.delete(failed.waiting_key())?;
            self.table.transact(vec![listed, self.table.put(again, Some(unchanged))?]).await?
        } else {
            self.table.put_if(again, unchanged).await?
        };
        Ok(if is_ours { Lease::Granted(Granted { effect, owner, tries }) } else { Lease::Busy })
    }

    /// A lease that ended without a mark: whether it was carried out nobody knows.
    async fn give_up(&self, found: EffectItem) -> Result<Lease, StoreError> {
        let unknown = EffectItem { state: State::Unknown, ..found };
        tracing::error!(
            effect = unknown.pk,
            number = unknown.sk,
            "whether it was carried out is not known"
        );
        Ok(if self.put_aside(unknown).await? { Lease::Waiting } else { Lease::Busy })
    }

    /// Lets what was leased wait for a person; `false` if it is not leased to its owner any more.
    async fn put_aside(&self, item: EffectItem) -> Result<bool, StoreError> {
        let item = EffectItem { since: Some(self.after(Duration::ZERO)), ..item };
        let condition = item::is(item.owner, State::Leased);
        self.table
            .transact(vec![
                self.table.put(item.waiting()?, None)?,
                self.table.put(item.into_item()?, Some(condition))?,
            ])
            .await
    }

    async fn find(&self, effect: &EffectId) -> Result<Option<EffectItem>, StoreError> {
        let found = self.table.get(item::key(&self.handler, effect), Consistency::Strong).await?;
        found.map(crate::table::from_item).transpose()
    }

    fn leased(&self, effect: &EffectId, owner: Uuid, length: Duration, tries: u32) -> EffectItem {
        EffectItem::new(&self.handler, effect, State::Leased, owner, self.after(length), tries)
    }

    fn marked(&self, Granted { effect, owner, tries }: &Granted) -> EffectItem {
        EffectItem::new(&self.handler, effect, State::Leased, *owner, 0, *tries)
    }

    /// The time after so long from now, in milliseconds since the epoch.
    fn after(&self, time: Duration) -> i64 {
        let (then, at) = self.now;
        let since = at.elapsed().saturating_add(time).as_millis();
        then.as_millisecond().saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }
}
