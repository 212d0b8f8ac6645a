//! No query's reads or answer grow with what there is.
//! `cargo run --release -p headwater-tests --bin bounds` shows it with 10,000 things of each kind.

use anyhow::Result;
use headwater_tests::bounds;

use crate::support::own_platform;

/// Enough that a read for each of them is over the bound of a page of one, and that the first page
/// of changes is filled without the invoices that are as large as can be.
const THINGS: usize = 150;

/// Enough that what reads all of something is over every bound.
const MANY_THINGS: usize = 400;

#[tokio::test]
async fn every_query_is_bounded_where_there_is_much_of_everything() -> Result<()> {
    bounds::run(&own_platform()?, THINGS, |_| ()).await
}

#[tokio::test]
#[ignore = "long: 400 things of each kind"]
async fn every_query_is_bounded_where_there_is_far_more_of_everything() -> Result<()> {
    bounds::run(&own_platform()?, MANY_THINGS, |_| ()).await
}
