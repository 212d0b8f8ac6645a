//! What waits for a person.

use headwater::StreamName;

use super::item::{self, EffectItem, State};
use super::{EffectId, Effects};
use crate::StoreError;
use crate::table::{Consistency, Order, Range, from_item};

/// An effect that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub effect: EffectId,
    /// Whether nobody knows if it was carried out; else it surely failed too often.
    pub is_unknown: bool,
    /// How often it was tried.
    pub tries: u32,
    /// What its handler said last; nothing if its process died.
    pub error: Option<String>,
}

impl Effects {
    /// The effects of a tenant's events that wait for a person, in order of stream and number: at most `limit`, those that come after
    /// `after` if that is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(&self, tenant: &str, after: Option<&EffectId>, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let (prefix, after) = (format!("{tenant}/"), after.map(item::place));
        let range = Range { pk: item::waiting(&self.handler), prefix: &prefix, after: after.as_deref(), limit, order: Order::Forwards };
        let items = self.table.query(range, Consistency::Strong).await?.items;
        items.into_iter().map(|item| read(from_item(item)?)).collect()
    }

    /// One effect, if it waits for a person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_one(&self, effect: &EffectId) -> Result<Option<Waiting>, StoreError> {
        Ok(self.find(effect).await?.filter(EffectItem::waits).map(|found| of(effect.clone(), found)))
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
    Waiting { effect, is_unknown: item.state == State::Unknown, tries: item.tries, error: item.error }
}
