//! What was ever stored loads for ever: see [`Golden`]. `BLESS=1 cargo test` writes what is
//! missing.

use headwater::testkit::{Golden, event_types};
use shop::order::{Order, OrderEvent};
use shop::order_row::OrderRow;

#[test]
fn orders_load_for_ever() {
    let golden = Golden::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"));
    golden.check::<Order>("order");
    golden.check_rows::<OrderRow>("order");
    golden.check_dropped(&[event_types::<OrderEvent>()]);
}
