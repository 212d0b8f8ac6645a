//! Brings orders in from another system: a file of comma-separated values, a row for each line of
//! an order. Each order becomes an invoice under the order's id, so that the file can be brought in
//! again: what is there already stays as it is.
//!
//! An order of which one row is invalid is left out whole, since half an invoice would be a wrong
//! one.

mod fault;
mod order;
mod orders;
mod send;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::stream::{self, StreamExt, TryStreamExt};
use indicatif::ProgressBar;

use crate::Client;
pub use fault::Fault;
use orders::Orders;
use send::{Sent, send};

/// What came of a file.
#[derive(Debug, Default)]
pub struct Summary {
    /// Orders whose invoice was created.
    pub created: usize,
    /// Orders whose invoice was there already, just so.
    pub present: usize,
    /// Orders that are not among the invoices as the file has them.
    pub refused: usize,
    /// Why, in the file's order.
    pub faults: Vec<Fault>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Brings the orders of a file in, `at_once` at the same time.
///
/// # Errors
/// If it is no such file, or the service refuses the caller.
pub async fn run(
    client: &Client,
    file: &[u8],
    at_once: usize,
    progress: &ProgressBar,
) -> Result<Summary> {
    let start = Instant::now();
    let Orders { valid, refused, faults } = orders::read(file)?;
    let mut summary = Summary { refused, faults, ..Summary::default() };
    progress.set_length(valid.len() as u64);
    let mut sent =
        stream::iter(&valid).map(|order| send(client, order)).buffer_unordered(at_once.max(1));
    while let Some(outcome) = sent.try_next().await? {
        match outcome {
            Sent::Created => summary.created += 1,
            Sent::Present => summary.present += 1,
            Sent::Refused(faults) => {
                summary.refused += 1;
                summary.faults.extend(faults);
            }
        }
        progress.inc(1);
    }
    summary.faults.sort();
    summary.elapsed = start.elapsed();
    Ok(summary)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, present, refused, faults, elapsed } = self;
        faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))?;
        let orders = created + present + refused;
        let seconds = elapsed.as_secs_f64();
        write!(
            f,
            "{orders} orders in {seconds:.1} s: {created} created, {present} were there already, \
             {refused} refused."
        )
    }
}
