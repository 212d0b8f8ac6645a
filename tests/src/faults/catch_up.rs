//! Waits until all that was written is in the views, and does what an operator would about what was
//! given up.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::TENANT;
use super::check::{mail_of, mails};
use crate::Platform;
use crate::operator::headwater;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What it took.
pub(super) struct CaughtUp {
    pub(super) took: Duration,
    /// Batches that functions had given up, and mails that waited for a person.
    pub(super) put_right: usize,
}

/// An object of the failures bucket.
#[derive(Debug, Deserialize)]
struct GivenUp {
    key: String,
}

/// What waits for a person.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Parked {
    Stream { stream: String },
    Mail { stream: String, event: u64 },
}

/// Catches up.
///
/// # Errors
/// If it takes too long.
pub(super) async fn catch_up(platform: &Platform) -> Result<CaughtUp> {
    let (began, mut put_right) = (Instant::now(), 0);
    let mut last = String::new();
    loop {
        let left = PATIENCE.saturating_sub(began.elapsed());
        ensure!(!left.is_zero(), "something comes back again and again: {last}");
        platform.settled_within(left).await?;
        let given_up = headwater::<GivenUp>(platform, "failures ls").await?;
        if !given_up.is_empty() {
            last = format!("{given_up:?}");
            put_right += given_up.len();
            headwater::<Value>(platform, "failures replay --all").await?;
            // A function has refused these for good, as the client who sent them meant it to.
            for refused in given_up.iter().filter(|object| object.key.starts_with("refused/")) {
                headwater::<Value>(platform, &format!("failures drop {}", refused.key)).await?;
            }
            continue;
        }
        let parked = headwater::<Parked>(platform, &format!("parked ls --tenant {TENANT}")).await?;
        if parked.is_empty() {
            return Ok(CaughtUp { took: began.elapsed(), put_right });
        }
        last = format!("{parked:?}");
        put_right += parked.len();
        for item in parked {
            headwater::<Value>(platform, &remedy(platform, &item)).await?;
        }
    }
}

/// What is to be done: a mail that was sent is not sent again.
fn remedy(platform: &Platform, item: &Parked) -> String {
    match item {
        Parked::Stream { stream } => format!("parked retry {stream}"),
        Parked::Mail { stream, event }
            if mails(platform.folder()).contains(&mail_of(stream, *event)) =>
        {
            format!("parked drop {stream}@{event}")
        }
        Parked::Mail { stream, event } => format!("parked retry {stream}@{event}"),
    }
}
