//! Figures from samples.

use std::time::Duration;

use anyhow::Result;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// How long something took.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Half of the samples took less.
    pub median: Duration,
    /// One in a hundred took more.
    pub p99: Duration,
}

impl Latency {
    /// Nothing of no samples.
    pub(crate) fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort_unstable();
        let at = |share: f64| {
            samples
                .get(((samples.len() as f64 * share) as usize).min(samples.len().saturating_sub(1)))
                .copied()
        };
        Some(Self { median: at(0.5)?, p99: at(0.99)? })
    }
}

/// The middle of some numbers, 0 of none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// How long this process has kept a processor busy so far.
///
/// # Errors
/// If the system does not say.
pub(crate) fn cpu_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_p99_near_the_end() {
        let latency = Latency::of((0..1_000).rev().map(Duration::from_millis).collect()).unwrap();
        assert_eq!(
            (latency.median, latency.p99),
            (Duration::from_millis(500), Duration::from_millis(990))
        );
        assert!(Latency::of(Vec::new()).is_none());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
