//! The limits of the stage: a bucket of tokens for each route, as API Gateway has it. A request
//! takes one; they come back at a rate.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::template::{Route, Throttle};

/// How many more requests each route takes.
pub(super) struct Throttles {
    limits: Throttle,
    buckets: Mutex<HashMap<Route, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Throttles {
    pub(super) fn new(limits: Throttle) -> Self {
        Self { limits, buckets: Mutex::default() }
    }

    /// Whether a route takes one more request now.
    pub(super) fn admits(&self, route: &Route, now: Instant) -> bool {
        let burst = self.limits.burst.map_or(f64::INFINITY, f64::from);
        let rate = self.limits.rate.unwrap_or(f64::INFINITY);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(route) {
            buckets.insert(route.clone(), Bucket { tokens: burst, at: now });
        }
        let Some(bucket) = buckets.get_mut(route) else { return true };
        let waited = now.saturating_duration_since(bucket.at).as_secs_f64();
        // Without a wait nothing comes back, not even at a rate without bound.
        let back = if waited > 0.0 { waited * rate } else { 0.0 };
        bucket.tokens = (bucket.tokens + back).min(burst);
        bucket.at = now;
        let admits = bucket.tokens >= 1.0;
        if admits {
            bucket.tokens -= 1.0;
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn route(path: &str) -> Route {
        Route {
            method: "GET".into(),
            path: path.into(),
            authorized: false,
            timeout: Duration::from_secs(30),
        }
    }

    #[test]
    fn a_route_takes_a_burst_and_then_what_the_rate_brings_back() {
        let throttles = Throttles::new(Throttle { rate: Some(2.0), burst: Some(3) });
        let (start, one, other) = (Instant::now(), route("/one"), route("/other"));
        let admitted = |route: &Route, after: u64| {
            (0..10)
                .filter(|_| throttles.admits(route, start + Duration::from_millis(after)))
                .count()
        };
        assert_eq!(admitted(&one, 0), 3);
        assert_eq!(admitted(&other, 0), 3, "each route has its own");
        assert_eq!(admitted(&one, 400), 0);
        assert_eq!(admitted(&one, 500), 1);
        assert_eq!(admitted(&one, 60_000), 3, "no more than a burst is kept");
    }

    #[test]
    fn what_has_no_limit_is_not_limited() {
        let throttles = Throttles::new(Throttle { rate: Some(1.0), burst: None });
        assert!((0..1_000).all(|_| throttles.admits(&route("/"), Instant::now())));
    }
}
