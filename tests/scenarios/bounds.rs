//! No query's reads or answer grow with what there is.
//! `cargo run --release -p headwater-tests --bin bounds` shows it with 10,000 things of each kind.

use anyhow::Result;
use headwater_tests::bounds;

use crate::support::own_platform;

/// Enough that what reads all of something is over the bound.
const THINGS: usize = 400;

#[tokio::test]
async fn every_query_is_bounded_where_there_is_much_of_everything() -> Result<()> {
    bounds::run(&own_platform()?, THINGS, |_| ()).await
}
