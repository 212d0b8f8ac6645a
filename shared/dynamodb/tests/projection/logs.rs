//! Logs: the commits of the streams below another one, in order of time.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Commit, IndexKey, Projection, ProjectionFn, StreamName, projection_fn};
use headwater_dynamodb::{Audit, LogPlace, Logged, Pace, Progress, Projector, Rebuild, Views};
use jiff::Timestamp;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::support::{Tap, World, check, doorbells};
use crate::toy::{AlbumEvent, NoteEvent, PHOTOS, album, history, poison, titled};

/// What was said about an album.
#[derive(Default, Serialize, Deserialize)]
struct Remark(u32);

impl Projection for Remark {
    type Event = NoteEvent;
    const CATEGORY: &'static str = "albums/remarks";
    const REVISION: u32 = 1;
    const LOGGED: bool = true;

    fn evolve(&mut self, _: &NoteEvent, _: Timestamp) {
        self.0 += 1;
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, _: &StreamName) -> BTreeSet<IndexKey> {
        BTreeSet::new()
    }
}

static LOGGING: [ProjectionFn; 2] = [PHOTOS, projection_fn::<Remark>()];

/// A build that keeps no logs.
static OLDER: [ProjectionFn; 2] =
    [PHOTOS, ProjectionFn { logged: false, ..projection_fn::<Remark>() }];

fn projector(world: &World, tap: &Tap, projections: &'static [ProjectionFn]) -> Projector {
    Projector::new(world.store(tap), "views", "feed", "toy", projections)
}

fn rebuild(world: &World) -> Rebuild {
    let pace = Pace { settle: std::time::Duration::ZERO, lease: Pace::default().lease };
    let events = world.store(&Tap::default());
    Rebuild::new(events, "views", "toy", &LOGGING, "me", Timestamp::now()).at_pace(pace)
}

fn remark(id: &str) -> StreamName {
    album(1).child("remarks", id).unwrap()
}

/// An album of which so much was said.
fn story(remarks: &[(&str, usize)]) -> Vec<Commit> {
    let mut commits = history(&album(1), &[vec![AlbumEvent::Shown {}]]);
    for (id, count) in remarks {
        let said: Vec<_> = (0..*count).map(|_| vec![titled("x"); 1 + count % 2]).collect();
        commits.extend(history(&remark(id), &said));
    }
    commits
}

async fn whole_log(views: &Views, at_a_time: usize) -> Vec<Logged> {
    let mut all: Vec<Logged> = Vec::new();
    loop {
        let after = all.last().cloned();
        let after = after.as_ref().map(|Logged { stream, at, last, .. }| LogPlace {
            at: *at,
            stream,
            number: *last,
        });
        let page = views.log(&album(1), after, at_a_time).await.unwrap();
        let is_last = page.len() < at_a_time;
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

/// What the log should have.
fn expected(commits: &[Commit]) -> Vec<Logged> {
    let below = commits.iter().filter(|commit| commit.stream.category() == Remark::CATEGORY);
    let mut logged: Vec<Logged> = below
        .map(|commit| Logged {
            stream: commit.stream.clone(),
            at: commit.at,
            first: commit.first,
            last: commit.last(),
        })
        .collect();
    logged.sort_by_key(|logged| (logged.at, logged.stream.clone(), logged.last));
    logged
}

#[test]
fn a_log_has_each_commit_once_by_its_time_whatever_is_delivered_how() {
    let story = prop::collection::vec((prop::sample::select(vec!["a", "a-b", "b"]), 1..5usize), 3)
        .prop_map(|remarks| {
            let remarks: std::collections::BTreeMap<_, _> = remarks.into_iter().collect();
            story(&remarks.into_iter().collect::<Vec<_>>())
        });
    let delivery = prop::collection::vec(0..16usize, 4..24);
    check(12, (story, delivery, 1..4usize), async |(commits, delivery, at_a_time)| {
        let world = World::with(&commits).await;
        let (one, other) = (
            projector(&world, &Tap::default(), &LOGGING),
            projector(&world, &Tap::default(), &LOGGING),
        );
        one.project(doorbells(&commits[..1])).await;
        for place in delivery {
            let bell = std::slice::from_ref(&commits[place % commits.len()]);
            tokio::join!(one.project(doorbells(bell)), other.project(doorbells(bell)));
        }
        one.project(doorbells(&commits)).await;
        let views = world.views();
        assert_eq!(whole_log(&views, at_a_time).await, expected(&commits));
        assert!(views.log_is_whole(&album(1)).await.unwrap());
    });
}

/// A commit is in the log before its row has it.
#[tokio::test]
async fn a_worker_that_dies_on_the_way_leaves_no_row_without_its_entries() {
    let commits = story(&[("a", 3)]);
    for refused in ["g1/acme/toy/log/albums/1", "g1/acme/toy/albums/1/remarks/a\""] {
        let world = World::with(&commits).await;
        projector(&world, &Tap::default(), &LOGGING).project(doorbells(&commits[..2])).await;
        let tap = Tap::refusing(move |_, input: &str| {
            input.contains("PutItem") && input.contains(refused)
        });
        let report = projector(&world, &tap, &LOGGING).project(doorbells(&commits)).await;
        assert!(!report.failed.is_empty(), "{refused}");
        let views = world.views();
        let version = views.status(&remark("a")).await.unwrap().version;
        let logged = whole_log(&views, 9).await;
        assert_eq!(version, 1 + commits[1].first, "{refused}");
        assert!(logged.iter().any(|logged| logged.last >= version), "{refused}: {logged:?}");
        projector(&world, &Tap::default(), &LOGGING).project(doorbells(&commits)).await;
        assert_eq!(whole_log(&views, 9).await, expected(&commits), "{refused}");
    }
}

#[tokio::test]
async fn what_an_older_build_has_folded_is_said_to_be_missing_until_the_rows_are_made_anew() {
    let commits = story(&[("a", 3)]);
    let world = World::with(&commits).await;
    projector(&world, &Tap::default(), &OLDER).project(doorbells(&commits[..3])).await;
    projector(&world, &Tap::default(), &LOGGING).project(doorbells(&commits)).await;
    let views = world.views();
    assert!(!views.log_is_whole(&album(1)).await.unwrap());
    assert!(whole_log(&views, 9).await.len() < expected(&commits).len());

    let rebuild = rebuild(&world);
    rebuild.build(2, &Progress::default()).await.unwrap();
    rebuild.switch(false).await.unwrap();
    let views = world.views();
    assert!(views.log_is_whole(&album(1)).await.unwrap());
    assert_eq!(whole_log(&views, 9).await, expected(&commits));
    // A build that keeps no logs takes the note away with what it writes.
    let more = history(&album(1), &vec![vec![AlbumEvent::Shown {}]; 2]);
    world.append(&more[1..]).await;
    projector(&world, &Tap::default(), &OLDER).project(doorbells(&more)).await;
    assert!(!views.log_is_whole(&album(1)).await.unwrap());
}

#[tokio::test]
async fn the_log_is_not_whole_while_a_stream_below_is_parked() {
    let mut commits = story(&[("a", 1), ("b", 1)]);
    commits.push(poison(&remark("a"), commits[1].last() + 1));
    let world = World::with(&commits).await;
    let projector = projector(&world, &Tap::default(), &LOGGING);
    let report = projector.project(doorbells(&commits)).await;
    assert_eq!(report.parked, [remark("a")]);
    assert!(!world.views().log_is_whole(&album(1)).await.unwrap());
}

#[tokio::test]
async fn an_audit_finds_what_is_missing_in_a_log() {
    let commits = story(&[("a", 3)]);
    let world = World::with(&commits).await;
    projector(&world, &Tap::default(), &LOGGING).project(doorbells(&commits)).await;
    let audit = Audit::new(world.store(&Tap::default()), "views", "toy", &LOGGING);
    let audited = async || audit.stream(&remark("a"), &commits[1..]).await.unwrap().findings;
    assert_eq!(audited().await, []);
    let entry = world
        .items("views")
        .await
        .into_iter()
        .find(|item| item["pk"].as_s().is_ok_and(|pk| pk.contains("/log/")));
    let entry = entry.unwrap();
    let key = |name: &str| AttributeValue::S(entry[name].as_s().unwrap().clone());
    let delete = world.client.delete_item().table_name("views");
    delete.key("pk", key("pk")).key("sk", key("sk")).send().await.unwrap();
    let findings = audited().await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].what, "event 1 is missing in the log of acme/toy/albums/1");
}
