//! What DynamoDB's units cost: list prices, on demand, in us-east-1, in dollars.

const MILLION_READS: f64 = 0.125;
const MILLION_WRITES: f64 = 0.625;

/// The price of a million calls that cost so many read and write units each, in dollars.
///
/// ```
/// assert_eq!(headwater_testing::price::of_a_million(1.0, 1.0), 0.75);
/// ```
pub fn of_a_million(reads: f64, writes: f64) -> f64 {
    reads * MILLION_READS + writes * MILLION_WRITES
}
