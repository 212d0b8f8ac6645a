use std::collections::BTreeMap;

use headwater::{FeedPosition, StreamName};
use headwater_dynamodb::{Feed, FeedError, Finding, StoreError};

use super::Head;
use crate::failure::Failure;

/// How many entries one read brings.
const PAGE: usize = 10_000;

/// What a feed lacks.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// The streams of which it tells less than they had when they were scanned.
    pub(super) late: Vec<StreamName>,
}

/// How far a stream was fed, in how many commits.
#[derive(Clone, Copy, Default)]
struct Fed {
    version: u64,
    commits: u64,
}

/// Reads a feed from its beginning: positions have no hole, each stream's commits come once and in
/// order, and none is missing of those that there were.
pub(super) async fn check(
    feed: &Feed,
    tenant: &str,
    domain: &str,
    heads: &BTreeMap<&StreamName, Head>,
) -> Result<Checked, Failure> {
    let mut checked = Checked::default();
    let mut wrong = |what: String| {
        checked.findings.push(Finding { kind: "feed", stream: format!("{tenant}/{domain}"), what })
    };
    let mut position = feed.start(tenant, domain).await?;
    let mut fed: BTreeMap<StreamName, Fed> = BTreeMap::new();
    loop {
        let entries = match feed.read_after(&position, PAGE).await {
            Ok(entries) => entries,
            // It could be read a moment ago, so what it refuses is what is in it.
            Err(FeedError::Store(StoreError::Refused(what))) => {
                wrong(what);
                break;
            }
            Err(FeedError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(anyhow::Error::from(error).into()),
        };
        let Some(last) = entries.last().map(|entry| entry.position) else { break };
        for (expected, entry) in (position.position + 1..).zip(entries) {
            if entry.position != expected {
                wrong(format!("has a gap before {}", entry.position));
            }
            let so_far = fed.entry(entry.stream.clone()).or_default();
            if entry.first != so_far.version + 1 {
                wrong(format!(
                    "tells at {} of {} from event {}, after event {}",
                    entry.position, entry.stream, entry.first, so_far.version
                ));
            }
            *so_far = Fed { version: entry.last, commits: so_far.commits + 1 };
        }
        position = FeedPosition { position: last, ..position };
    }
    for (stream, head) in heads.iter().filter(|(_, head)| head.is_sound) {
        let fed = fed.get(*stream).copied().unwrap_or_default();
        if fed.version < head.version {
            checked.late.push((*stream).clone());
        } else if fed.version == head.version && fed.commits != head.commits {
            checked.findings.push(Finding::new(
                "feed",
                stream,
                format!("is in the feed with {} commits, but has {}", fed.commits, head.commits),
            ));
        }
    }
    for (stream, fed) in fed.iter().filter(|(stream, _)| !heads.contains_key(stream)) {
        checked.findings.push(Finding::new(
            "feed",
            stream,
            format!("is in the feed up to event {}, but has none", fed.version),
        ));
    }
    Ok(checked)
}
