//! The service's time, as far as one who only sends requests can know it.

use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Platform;

/// What rounding to milliseconds may add.
const ROUNDING: i64 = 2;

/// A time of the service, in milliseconds since the epoch, that is known to lie between two others,
/// both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Not before this.
    pub from: i64,
    /// Not after this.
    pub to: i64,
}

impl Span {
    /// A time that is known exactly.
    pub fn exact(at: i64) -> Self {
        Self { from: at, to: at }
    }

    /// So many milliseconds later.
    #[must_use]
    pub fn later(self, millis: i64) -> Self {
        Self { from: self.from + millis, to: self.to + millis }
    }

    /// Whether this time may be the other one.
    pub fn touches(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// Whether a time lies in it.
    pub fn holds(self, at: i64) -> bool {
        self.touches(Self::exact(at))
    }
}

/// The platform's clock, which is moved on by whole days while real time passes too.
pub struct ServiceClock {
    /// What the service said its time is, and between which instants it said so.
    now: i64,
    asked: Instant,
    answered: Instant,
}

impl ServiceClock {
    /// Reads the platform's clock.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn read(platform: &Platform) -> Result<Self> {
        Self::advanced(platform, 0).await
    }

    /// Moves the platform's clock on.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn advance(&mut self, platform: &Platform, seconds: i64) -> Result<()> {
        *self = Self::advanced(platform, seconds).await?;
        Ok(())
    }

    async fn advanced(platform: &Platform, seconds: i64) -> Result<Self> {
        let asked = Instant::now();
        let reply =
            platform.dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": seconds }))).await?;
        Ok(Self { now: millis(&reply.body["now"])?, asked, answered: Instant::now() })
    }

    /// What the service's time was between two instants.
    pub fn between(&self, sent: Instant, received: Instant) -> Span {
        let since = |instant: Instant, origin: Instant| {
            i64::try_from(instant.duration_since(origin).as_millis()).unwrap_or(i64::MAX)
        };
        Span {
            from: self.now + since(sent, self.answered) - ROUNDING,
            to: self.now + since(received, self.asked) + ROUNDING,
        }
    }

    /// What the service's time is now.
    pub fn now(&self) -> Span {
        let now = Instant::now();
        self.between(now, now)
    }
}

/// The milliseconds since the epoch of a time in an answer.
///
/// # Errors
/// If it is none.
pub(super) fn millis(value: &Value) -> Result<i64> {
    let text = value.as_str().with_context(|| format!("no time: {value}"))?;
    let time: Timestamp = text.parse().with_context(|| format!("no time: {text}"))?;
    Ok(time.as_millisecond())
}

/// A time as requests have it.
pub(super) fn rfc3339(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_string()
}
