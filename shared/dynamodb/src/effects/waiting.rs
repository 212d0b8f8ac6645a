//! What waits for a person.

use headwater::StreamName;
use jiff::Timestamp;

use super::item::{self, EffectItem, State};
use super::{EffectId, Effects};
use crate::StoreError;
use crate::table::{Consistency, Order, Range, from_item};

/// An effect that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The event that asks for it.
    pub effect: EffectId,
    /// Why it waits.
    pub why: WhyWaiting,
    /// How often it was tried.
    pub tries: u32,
    /// What its handler said last; `None` if its process died.
    pub error: Option<String>,
    /// Since when it waits; `None` where an older build put it aside.
    pub since: Option<Timestamp>,
}

/// Why an effect waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyWaiting {
    /// It certainly failed too often, or can never be carried out.
    Failed,
    /// It is unknown whether it was carried out.
    Unknown,
    /// A person has asked for another try, and no record has led to it yet.
    AskedFor,
}

impl Effects {
    /// The effects that wait for a person, of one tenant's events or of all, in order of stream and
    /// number: at most `limit`, those that come after `after` if that is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(
        &self,
        tenant: Option<&str>,
        after: Option<&EffectId>,
        limit: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (prefix, after) =
            (tenant.map(|tenant| format!("{tenant}/")).unwrap_or_default(), after.map(item::place));
        let range = Range {
            pk: item::waiting(&self.handler),
            prefix: &prefix,
            after: after.as_deref(),
            limit,
            order: Order::Forwards,
        };
        let items = self.table.query_all(range, Consistency::Strong).await?;
        items.into_iter().map(|item| read(from_item(item)?)).collect()
    }

    /// One effect, if it waits for a person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_one(&self, effect: &EffectId) -> Result<Option<Waiting>, StoreError> {
        Ok(self
            .find(effect)
            .await?
            .filter(EffectItem::waits)
            .map(|found| of(effect.clone(), found)))
    }
}

/// The state of an effect, for comparing effects with events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not tried yet.
    Untried,
    /// Somebody is at it, or its next record leads to another try; how often it was tried, and what
    /// was said last.
    Tried(u32, Option<String>),
    /// It was carried out, or is not to be.
    Done,
    /// It waits for a person.
    Waiting(Waiting),
}

impl Effects {
    /// How far an effect has got.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing(&self, effect: &EffectId) -> Result<Standing, StoreError> {
        Ok(match self.find(effect).await? {
            None => Standing::Untried,
            Some(found) if found.waits() => Standing::Waiting(of(effect.clone(), found)),
            Some(found) if found.state == State::Done => Standing::Done,
            Some(found) => Standing::Tried(found.tries, found.error),
        })
    }
}

fn read(item: EffectItem) -> Result<Waiting, StoreError> {
    let damaged = || StoreError::Refused(format!("{} is no effect", item.sk));
    let (stream, number) = item.sk.split_once('#').ok_or_else(damaged)?;
    let stream: StreamName = stream.parse().map_err(|_| damaged())?;
    let effect = EffectId { stream, number: number.parse().map_err(|_| damaged())? };
    Ok(of(effect, item))
}

fn of(effect: EffectId, item: EffectItem) -> Waiting {
    let why = match item.state {
        State::Unknown => WhyWaiting::Unknown,
        _ if item.is_asked_for() => WhyWaiting::AskedFor,
        _ => WhyWaiting::Failed,
    };
    let since = item.since.and_then(|since| Timestamp::from_millisecond(since).ok());
    Waiting { effect, why, tries: item.tries, error: item.error, since }
}
