//! The policy, from memory in a warm function.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use headwater::StreamName;
use headwater_dynamodb::WeighedCache;
use headwater_lambda::{App, Problem, Request};
use licensing::{Policy, PolicyInForce, policy};

/// How long a policy may be gone by after it was read: so old is a decision's policy at the most.
const OLDEST: Duration = Duration::from_secs(60);

/// How much of all tenants' policies is kept, in bytes of JSON: tens of thousands, unless they list
/// thousands of studios.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The policies that this process has read last, one a tenant.
pub(crate) struct PolicyCache {
    known: Mutex<WeighedCache<String, Known>>,
}

struct Known {
    policy: PolicyInForce,
    /// When its reading was begun.
    read_at: Instant,
}

impl Default for PolicyCache {
    fn default() -> Self {
        Self { known: Mutex::new(WeighedCache::new(MOST_BYTES)) }
    }
}

impl PolicyCache {
    /// The policy of the request's tenant: read at most a minute ago, and no earlier than the
    /// version that the request's tokens name.
    ///
    /// # Errors
    /// 503 if it has to be read and cannot be, 400 if a token is ahead of its stream.
    pub(crate) async fn in_force(
        &self,
        app: &App,
        request: &Request,
    ) -> Result<PolicyInForce, Problem> {
        let stream = policy::stream(request.tenant())?;
        let now = Instant::now();
        if let Some(policy) = self.fresh(request.tenant(), named(request, &stream)?, now) {
            return Ok(policy);
        }
        let folded = app.load::<Policy>(request, &stream).await?;
        let policy = PolicyInForce { policy: folded.state, version: folded.version };
        self.keep(request.tenant(), policy.clone(), now);
        Ok(policy)
    }

    /// The policy that was read last, however long ago; the defaults if none was.
    pub(crate) fn last_known(&self, tenant: &str) -> PolicyInForce {
        self.lock().get(tenant).map(|known| known.policy.clone()).unwrap_or_default()
    }

    fn fresh(&self, tenant: &str, at_least: u64, now: Instant) -> Option<PolicyInForce> {
        let mut known = self.lock();
        let Known { policy, read_at } = known.get(tenant)?;
        let is_fresh =
            now.saturating_duration_since(*read_at) < OLDEST && policy.version >= at_least;
        is_fresh.then(|| policy.clone())
    }

    fn keep(&self, tenant: &str, policy: PolicyInForce, read_at: Instant) {
        let weighed = policy.policy.clone();
        self.lock().put(tenant.to_owned(), Known { policy, read_at }, &weighed);
    }

    // A panic elsewhere cannot leave a map of whole entries half changed.
    fn lock(&self) -> MutexGuard<'_, WeighedCache<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The version of the policy's stream that the request's tokens name, 0 if they name none.
fn named(request: &Request, stream: &StreamName) -> Result<u64, Problem> {
    let named = request.positions()?.into_iter().filter(|position| position.stream == *stream);
    Ok(named.map(|position| position.version).max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_gone_by_for_a_minute_unless_a_token_names_a_later_one() {
        let cache = PolicyCache::default();
        let read_at = Instant::now();
        let second = PolicyInForce { version: 2, ..PolicyInForce::default() };
        cache.keep("acme", second.clone(), read_at);
        let millisecond = Duration::from_millis(1);
        for (tenant, at_least, age, expected) in [
            ("acme", 0, Duration::ZERO, Some(2)),
            ("acme", 2, OLDEST - millisecond, Some(2)),
            ("acme", 3, Duration::ZERO, None),
            ("acme", 0, OLDEST, None),
            ("other", 0, Duration::ZERO, None),
        ] {
            let fresh = cache.fresh(tenant, at_least, read_at + age);
            assert_eq!(fresh.map(|policy| policy.version), expected, "{tenant} {at_least} {age:?}");
        }
        assert_eq!(cache.last_known("acme"), second, "an old one is better than none");
        assert_eq!(cache.last_known("other"), PolicyInForce::default());
    }
}
