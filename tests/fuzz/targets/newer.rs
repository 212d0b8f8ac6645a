//! Commits of newer builds, and broken ones: rows stand before the first that cannot be folded, and
//! the stream is listed with what is in the way.
#![no_main]

use std::time::{Duration, Instant};

use headwater::{Commit, Domain, NewerEvent, ProjectionFn, Row, first_newer, own_row};
use headwater_dynamodb::{CommitItem, Doorbell, Projector, Until, Views};
use headwater_fuzz::{Tables, at_once, domains};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

/// The most commits that are looked at: a batch.
const MOST: usize = 20;

/// What is in the way of a stream's rows.
#[derive(Debug)]
enum Obstacle {
    Newer(NewerEvent),
    Broken,
}

fuzz_target!(|history: &[u8]| {
    let Ok(commits) = serde_json::from_slice::<Vec<Commit>>(history) else { return };
    let Some((service, own, commits)) = in_order(commits) else { return };
    let (reached, obstacle) = expected(service, own, &commits);
    at_once(project(service, &commits, reached, obstacle.as_ref()));
});

/// The commits of the first stream that has rows, numbered as a stream's are.
fn in_order(commits: Vec<Commit>) -> Option<(&'static Domain, ProjectionFn, Vec<Commit>)> {
    let stream = commits.first()?.stream.clone();
    let service = domains().of(&stream)?;
    let own = own_row(service.projections, &stream.category())?;
    let mut version = 0;
    let mut ordered = Vec::new();
    for mut commit in commits {
        if commit.stream != stream || commit.events.is_empty() || ordered.len() == MOST {
            continue;
        }
        (commit.first, commit.snapshot) = (version + 1, None);
        for (number, event) in (version + 1..).zip(&mut commit.events) {
            event.number = number;
        }
        version = commit.last();
        ordered.push(commit);
    }
    Some((service, own, ordered))
}

/// How far rows can get, and what is in the way.
fn expected(service: &Domain, own: ProjectionFn, commits: &[Commit]) -> (u64, Option<Obstacle>) {
    let folds = || {
        let category = commits.first().map(|commit| commit.stream.category());
        service.projections.iter().filter(move |f| Some(f.source()) == category.as_deref())
    };
    let mut reached = 0;
    for commit in commits {
        if let Some(newer) = first_newer(&commit.events, own.knows) {
            return (reached, Some(Obstacle::Newer(newer)));
        }
        let one = std::slice::from_ref(commit);
        let is_broken = folds().any(|fold| match fold.parts {
            Some(parts) => parts(&commit.stream, one).is_err(),
            None => (fold.apply)(&commit.stream, &Row::default(), one).is_err(),
        });
        if is_broken {
            return (reached, Some(Obstacle::Broken));
        }
        reached = commit.last();
    }
    (reached, None)
}

async fn project(
    service: &'static Domain,
    commits: &[Commit],
    reached: u64,
    obstacle: Option<&Obstacle>,
) {
    let Some(last) = commits.last() else { return };
    let stream = &last.stream;
    let items = commits.iter().filter_map(item).collect::<Vec<_>>();
    if items.len() < commits.len() {
        return;
    }
    let store = Tables::of(items).store();
    let projector =
        Projector::new(store.clone(), "views", "feed", service.name, service.projections)
            .within(Instant::now() + Duration::from_secs(1));
    let bells = commits.iter().map(|commit| Doorbell {
        stream: commit.stream.clone(),
        version: commit.last(),
        commit: Some(commit.clone()),
    });
    let report = projector.project(bells.collect()).await;
    assert!(report.failed.is_empty());
    let views = Views::new(store, "views", service.name);
    let version = views.status(stream).await.expect("a row").version;
    let listed = views.parked(Some(stream.tenant()), None, 9).await.expect("a list");
    match obstacle {
        None => {
            assert!(listed.is_empty() || version < reached, "{listed:?}");
            assert!(version == reached || !report.parked.is_empty(), "{version} of {reached}");
        }
        Some(Obstacle::Newer(newer)) => {
            assert_eq!(version, reached);
            assert_eq!(report.newer, [stream.clone()]);
            let [one] = &listed[..] else { panic!("{listed:?}") };
            assert_eq!((&one.stream, &one.until), (stream, &Until::Known(newer.clone())));
        }
        Some(Obstacle::Broken) => {
            assert_eq!(report.parked, [stream.clone()]);
            let [one] = &listed[..] else { panic!("{listed:?}") };
            assert_eq!((&one.stream, &one.until), (stream, &Until::Resumed));
        }
    }
}

/// A commit as its item, in DynamoDB's JSON.
fn item(commit: &Commit) -> Option<Map<String, Value>> {
    let item: serde_dynamo::Item = serde_dynamo::to_item(CommitItem::from(commit.clone())).ok()?;
    serde_json::to_value(item).ok()?.as_object().cloned()
}
