//! An order as queries show it.

use std::collections::BTreeSet;

use headwater::{IndexKey, Projection, StreamName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::order::{self, OrderEvent};

/// The list of all orders, the newest first.
pub const ORDERS: &str = "orders";

/// An order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRow {
    /// What was ordered.
    pub item: String,
    /// How many of it.
    pub quantity: u32,
    /// Whether it is void.
    pub cancelled: bool,
    /// When it was placed.
    #[schema(value_type = String, format = "date-time")]
    pub placed_at: Timestamp,
}

impl Projection for OrderRow {
    type Event = OrderEvent;
    const CATEGORY: &'static str = order::CATEGORY;
    // Raise it with every change of the row, of `evolve` or of the index keys.
    const REVISION: u32 = 1;

    fn evolve(&mut self, event: &OrderEvent, at: Timestamp) {
        match event {
            OrderEvent::OrderPlaced { item, quantity } => {
                self.item.clone_from(item);
                self.quantity = *quantity;
                self.placed_at = at;
            }
            OrderEvent::OrderCancelled {} => self.cancelled = true,
        }
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let order = IndexKey::newest_first(self.placed_at);
        BTreeSet::from([IndexKey::new(ORDERS, &order, stream.id())])
    }
}

#[cfg(test)]
mod tests {
    use headwater::testkit::commits;
    use headwater::{Row, apply_commits};

    use super::*;

    #[test]
    fn a_row_shows_what_happened() {
        let stream = StreamName::new("acme", crate::DOMAIN, order::CATEGORY, "1").unwrap();
        let placed = OrderEvent::OrderPlaced { item: "tea".to_owned(), quantity: 2 };
        let commits = commits(&stream, [vec![placed], vec![OrderEvent::OrderCancelled {}]]);
        let applied = apply_commits::<OrderRow>(&stream, &Row::default(), &commits).unwrap();
        let expected = OrderRow {
            item: "tea".to_owned(),
            quantity: 2,
            cancelled: true,
            placed_at: commits[0].at,
        };
        assert_eq!(applied.row.read::<OrderRow>().unwrap(), expected);
    }
}
