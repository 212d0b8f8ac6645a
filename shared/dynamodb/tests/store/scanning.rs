//! Scans: every commit once, however the table is divided and wherever a scan goes on.

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Commit, StreamName};
use headwater_dynamodb::{EventStore, ScanKey, Segment, Selection};

use crate::support::dynamo::{Dynamo, EVENTS, at, commit, person, snapshot};
use crate::support::person::{Person, PersonEvent};

/// Commits of 100 KB, so that a page has no more than ten.
fn large(stream: &StreamName, commits: u64) -> Vec<Commit> {
    let note =
        |number: u64| PersonEvent::Noted { text: format!("{number}{}", "x".repeat(100_000)) };
    (1..=commits).map(|number| commit(stream, number, &[note(number)])).collect()
}

/// All that a selection has of the table, segment by segment, each page's key having been written
/// down and read in between.
async fn all(store: &EventStore, selection: &Selection, segments: u32) -> Vec<Commit> {
    let mut commits = Vec::new();
    for segment in Segment::all(segments) {
        let mut start: Option<ScanKey> = None;
        loop {
            let page = store.scan(selection, segment, start.as_ref()).await.unwrap();
            commits.extend(page.commits.into_iter().map(Result::unwrap));
            let Some(next) = page.next else { break };
            start = Some(serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap());
        }
    }
    commits
}

/// The names and first events' numbers.
fn keys(commits: &[Commit]) -> Vec<(&str, u64)> {
    commits.iter().map(|commit| (commit.stream.as_str(), commit.first)).collect()
}

#[tokio::test]
async fn every_commit_comes_once_and_each_streams_together_and_in_order() {
    let dynamo = Dynamo::start().await;
    let streams: Vec<StreamName> = (0..5).map(|id| person(&format!("p{id}"))).collect();
    let stored: Vec<Commit> = streams
        .iter()
        .zip([1, 12, 3, 25, 4])
        .flat_map(|(stream, commits)| large(stream, commits))
        .collect();
    dynamo.import(stored.clone());
    dynamo.take_calls();
    for segments in [1, 3, 7] {
        let found = all(&dynamo.store(), &Selection::default(), segments).await;
        assert!(dynamo.take_calls().len() > segments as usize);
        let order: Vec<&StreamName> =
            found.chunk_by(|a, b| a.stream == b.stream).map(|of_one| &of_one[0].stream).collect();
        assert_eq!(order.len(), streams.len(), "{segments} segments");
        let mut sorted = found.clone();
        sorted.sort_by(|a, b| a.stream.cmp(&b.stream));
        assert!(sorted == stored, "{segments} segments: {:?}", keys(&found));
    }
}

#[tokio::test]
async fn a_scan_reads_strongly_and_is_billed_for_what_it_leaves_out() {
    let dynamo = Dynamo::start().await;
    dynamo.import(large(&person("ada"), 1));
    dynamo.take_calls();
    let nobody = Selection { tenant: Some("nobody".to_owned()), ..Selection::default() };
    for (selection, count) in [(Selection::default(), 1), (nobody, 0)] {
        let page =
            dynamo.store().scan(&selection, Segment::all(1).next().unwrap(), None).await.unwrap();
        assert_eq!((page.commits.len(), page.scanned), (count, 1));
        // 100,000 bytes and some: 25 times 4 KB. An eventual read would cost half.
        dynamo.assert_calls(&[("Scan", 25.0)]);
    }
}

#[tokio::test]
async fn a_selection_leaves_out_what_it_says() {
    let dynamo = Dynamo::start().await;
    let named = |name: &str| name.parse::<StreamName>().unwrap();
    let [ada, other_tenant, other_domain] =
        ["acme/people/persons/ada", "acme-2/people/persons/ada", "acme/places/people/ada"]
            .map(named);
    let event = [PersonEvent::Left {}];
    let mut commits =
        vec![commit(&ada, 1, &event), commit(&ada, 2, &event), commit(&ada, 3, &event)];
    commits[1].metadata.correlation_id = "another".to_owned();
    commits[2].snapshot = Some(snapshot(&Person::default()));
    commits.extend([commit(&other_tenant, 1, &event), commit(&other_domain, 1, &event)]);
    dynamo.import(commits);
    let text = |text: &str| Some(text.to_owned());
    let everything = Selection::default();
    for (selection, expected) in [
        (
            Selection { tenant: text("acme"), ..everything.clone() },
            vec![(&ada, 1), (&ada, 2), (&ada, 3), (&other_domain, 1)],
        ),
        (
            Selection { domain: text("people"), ..everything.clone() },
            vec![(&other_tenant, 1), (&ada, 1), (&ada, 2), (&ada, 3)],
        ),
        (
            Selection { tenant: text("acme"), domain: text("people"), ..everything.clone() },
            vec![(&ada, 1), (&ada, 2), (&ada, 3)],
        ),
        (Selection { correlation_id: text("another"), ..everything.clone() }, vec![(&ada, 2)]),
        (Selection { since: Some(at(2)), ..everything.clone() }, vec![(&ada, 2), (&ada, 3)]),
        (
            Selection { since: Some(at(2)), until: Some(at(2)), ..everything.clone() },
            vec![(&ada, 2)],
        ),
        (
            Selection {
                tenant: text("acme"),
                correlation_id: text("c"),
                until: Some(at(2)),
                ..everything.clone()
            },
            vec![(&ada, 1), (&other_domain, 1)],
        ),
    ] {
        let mut found = all(&dynamo.store(), &selection, 1).await;
        found.sort_by(|a, b| (&a.stream, a.first).cmp(&(&b.stream, b.first)));
        let expected: Vec<(&str, u64)> =
            expected.into_iter().map(|(stream, first)| (stream.as_str(), first)).collect();
        assert_eq!(keys(&found), expected, "{selection:?}");
        assert!(found.iter().all(|commit| commit.snapshot.is_none()));
    }
    let with_snapshots =
        all(&dynamo.store(), &Selection { snapshots: true, ..everything }, 1).await;
    assert_eq!(with_snapshots.iter().filter(|commit| commit.snapshot.is_some()).count(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_of_and_stops_nothing() {
    let dynamo = Dynamo::start().await;
    let ada = person("ada");
    dynamo.import(vec![
        commit(&ada, 1, &[PersonEvent::Left {}]),
        commit(&ada, 3, &[PersonEvent::Left {}]),
    ]);
    let damaged = dynamo.client.put_item().table_name(EVENTS);
    let damaged = damaged
        .item("stream", AttributeValue::S(ada.to_string()))
        .item("seq", AttributeValue::N("2".to_owned()));
    damaged.send().await.unwrap();
    let page = dynamo
        .store()
        .scan(&Selection::default(), Segment::all(1).next().unwrap(), None)
        .await
        .unwrap();
    let found: Vec<Result<u64, (String, u64)>> = page
        .commits
        .into_iter()
        .map(|commit| {
            commit
                .map(|commit| commit.first)
                .map_err(|unreadable| (unreadable.stream, unreadable.seq))
        })
        .collect();
    assert_eq!(found, [Ok(1), Err((ada.to_string(), 2)), Ok(3)]);
}
