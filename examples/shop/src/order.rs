//! An order: what can have happened to it, the state that the rules need, the rules, the commands.

use garde::Validate;
use headwater::{Aggregate, Command, Context, Event, Rejection, Rule, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DOMAIN;

/// The category of the streams of orders: `<tenant>/shop/orders/<id>`.
pub const CATEGORY: &str = "orders";

// ---- events -------------------------------------------------------------------------------------

/// What can have happened to an order.
///
/// **The names of variants and fields are the storage format.** Never rename one: write an
/// upcaster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum OrderEvent {
    /// Somebody ordered something.
    OrderPlaced {
        /// What was ordered.
        item: String,
        /// How many of it.
        quantity: u32,
    },
    /// The order is void.
    OrderCancelled {},
}

impl Event for OrderEvent {}

// ---- state --------------------------------------------------------------------------------------

/// What the rules need to know of an order, and no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// Never placed.
    #[default]
    Absent,
    /// Waits to be shipped.
    Placed,
    /// Void for good.
    Cancelled,
}

impl Aggregate for Order {
    type Event = OrderEvent;
    const DOMAIN: &'static str = DOMAIN;
    const CATEGORY: &'static str = CATEGORY;
    // Raise it with every change of the state, of `evolve` or of the events.
    const REVISION: u32 = 1;

    fn is_there(&self) -> bool {
        *self != Self::Absent
    }

    fn evolve(&mut self, event: &OrderEvent, _: Timestamp) {
        match event {
            OrderEvent::OrderPlaced { .. } => *self = Self::Placed,
            OrderEvent::OrderCancelled {} => *self = Self::Cancelled,
        }
    }
}

// ---- rules --------------------------------------------------------------------------------------

/// An id is used once.
pub static ORDER_EXISTS: Rule = Rule {
    name: "order-exists",
    title: "This order id is in use",
    help: "An id is never used twice. Leave `id` out to be given a fresh one.",
};

// ---- commands -----------------------------------------------------------------------------------

/// `POST /shop/orders`: places an order. Refused: [`ORDER_EXISTS`].
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaceOrder {
    /// 1–64 of `A-Z a-z 0-9 _ -`. A UUID v7 is made if it is left out.
    #[garde(inner(length(min = 1, max = 64), pattern("^[A-Za-z0-9_-]+$")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub id: Option<String>,
    /// What is ordered: 1–100 characters.
    #[garde(length(chars, min = 1, max = 100))]
    #[schema(min_length = 1, max_length = 100)]
    pub item: String,
    /// How many: 1–1,000.
    #[garde(range(min = 1, max = 1_000))]
    #[schema(minimum = 1, maximum = 1_000)]
    pub quantity: u32,
}

impl Command for PlaceOrder {
    type Aggregate = Order;
    const NAME: &'static str = "PlaceOrder";
    const RULES: &'static [&'static Rule] = &[&ORDER_EXISTS];

    fn decide(&self, order: &Order, context: &Context) -> Verdict<Order> {
        if order.is_there() {
            let detail = format!("There is an order {}.", context.id);
            return Err(Rejection::refused(&ORDER_EXISTS, detail));
        }
        Ok(vec![OrderEvent::OrderPlaced { item: self.item.clone(), quantity: self.quantity }])
    }
}

/// `POST /shop/orders/{id}/cancel`: cancels an order. To cancel it again changes nothing.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {}

impl Command for CancelOrder {
    type Aggregate = Order;
    const NAME: &'static str = "CancelOrder";

    fn decide(&self, order: &Order, context: &Context) -> Verdict<Order> {
        match order {
            Order::Absent => Err(Rejection::unknown("order", &context.id)),
            Order::Placed => Ok(vec![OrderEvent::OrderCancelled {}]),
            Order::Cancelled => Ok(vec![]),
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater::testkit::given;

    use super::*;

    fn placed() -> OrderEvent {
        OrderEvent::OrderPlaced { item: "tea".to_owned(), quantity: 2 }
    }

    fn place() -> PlaceOrder {
        PlaceOrder { id: None, item: "tea".to_owned(), quantity: 2 }
    }

    #[test]
    fn an_order_is_placed_once() {
        given::<Order>([]).when(place()).then([placed()]);
        given::<Order>([placed()]).when(place()).then_rejected(&ORDER_EXISTS);
    }

    #[test]
    fn an_order_is_cancelled_once() {
        given::<Order>([placed()])
            .when(CancelOrder {})
            .then([OrderEvent::OrderCancelled {}])
            .again_nothing();
        given::<Order>([]).when(CancelOrder {}).then_unknown();
    }
}
