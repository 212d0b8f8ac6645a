//! The shop: what it is about, and what can be called.

pub mod order;
pub mod order_row;

use headwater::lambda::{Service, changes, project, with_shared};
use headwater::{Domain, aggregate_fn, projection_fn};

use crate::order::{CancelOrder, Order, PlaceOrder};
use crate::order_row::{ORDERS, OrderRow};

/// The second segment of all streams' names, and the first of all paths.
pub const DOMAIN: &str = "shop";

/// What the events are folded to: states for rules, rows for queries.
pub static SHOP: Domain =
    Domain::new(DOMAIN, &[aggregate_fn::<Order>()], &[projection_fn::<OrderRow>()]);

/// The service. Each line is a call, and a Lambda function of its own.
pub fn service() -> Service {
    Service::new(&SHOP, env!("CARGO_PKG_NAME"))
        .aggregate::<Order>("/orders", |orders| {
            orders
                .create::<PlaceOrder>("Place an order.")
                .action::<CancelOrder>("cancel", "Cancel an order.")
                .row::<OrderRow>("Read an order.")
                .list::<OrderRow>(ORDERS, "List orders, the newest first.")
        })
        .execute()
        .functions([changes(DOMAIN), project(&SHOP)])
}

/// All that is deployed: the service, and what every system has.
pub fn services() -> Vec<Service> {
    with_shared(vec![service()], env!("CARGO_PKG_NAME"))
}
