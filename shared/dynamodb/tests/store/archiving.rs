//! The archive: what was moved is read as before, whatever happened on the way.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Aggregate, Commit, Domain, Domains, StreamName, aggregate_fn};
use headwater_dynamodb::{
    Archiver, At, EventStore, Execution, Mode, Moved, ScanKey, Segment, Selection, StoreError,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::dynamo::{
    ARCHIVE, Dynamo, EVENTS, at, commit, committed, execution, person, run, snapshot,
};
use crate::support::memory::Memory;
use crate::support::person::{Note, Person, PersonEvent};
use crate::support::proxy::Fault;

/// When everything that these tests write is old.
const LATER: i64 = 40_000_000;

/// All of ada's versions, and some that are none.
const ALL: RangeInclusive<u64> = 0..=81;

/// Some of them: around the seam, in the middle of a commit, at both ends.
const SOME: [u64; 5] = [0, 5, 46, 47, 80];

static PEOPLE: Domain = Domain::new("people", &[aggregate_fn::<Person>()], &[]);

/// A history of so many commits: of one to three events, a snapshot now and then.
fn history(stream: &StreamName, commits: u64) -> Vec<Commit> {
    let (mut next, mut state) = (1, Person::default());
    let mut history = Vec::new();
    for number in 0..commits {
        let events: Vec<PersonEvent> = (0..=number % 3)
            .map(|part| PersonEvent::Noted { text: format!("{number}.{part}") })
            .collect();
        let mut made = commit(stream, next, &events);
        // The same whenever it is made.
        made.metadata.commit_id = Uuid::from_u128(u128::from(next));
        events.iter().for_each(|event| state.evolve(event, made.at));
        if number % 8 == 7 {
            made.snapshot = Some(snapshot(&state));
        }
        next = made.last() + 1;
        history.push(made);
    }
    history
}

/// Moves what is old, all segments one after the other.
async fn archive(store: &EventStore, mode: Mode) -> Result<Moved, StoreError> {
    let archiver = Archiver::new(store.clone(), Domains::new([&PEOPLE]), at(LATER)).unwrap();
    let mut all = Moved::default();
    for segment in Segment::all(2) {
        let mut start = None;
        loop {
            let deadline = Instant::now() + Duration::from_secs(60);
            let done = archiver.segment(mode, segment, start, deadline).await?;
            let Moved { runs, commits, bytes, objects, packed, completed } = done.moved;
            all.runs += runs;
            all.commits += commits;
            all.bytes += bytes;
            all.objects += objects;
            all.packed += packed;
            all.completed += completed;
            start = done.next;
            if start.is_none() {
                break;
            }
        }
    }
    Ok(all)
}

/// All that can be asked of a stream about these versions, and of all streams.
async fn answers(
    store: &EventStore,
    stream: &StreamName,
    versions: impl IntoIterator<Item = u64>,
    limits: &[u32],
) -> Vec<Value> {
    let mut answers = Vec::new();
    let folded = store.load::<Person>(stream).await.unwrap();
    answers.push(json!([folded.version, folded.at, folded.state]));
    answers.push(json!(store.head(stream).await.unwrap()));
    for version in versions {
        answers.push(json!(store.commits_after(stream, version).await.unwrap()));
        answers.push(json!(store.commits_until(stream, version).await.unwrap()));
        for &limit in limits {
            answers.push(json!(forwards(store, stream, version, limit).await));
            answers.push(json!(backwards(store, stream, version, limit).await));
        }
        for place in [At::Version(version), At::Time(at(version as i64))] {
            let folded = store.load_at::<Person>(stream, place).await.unwrap();
            answers.push(json!([folded.version, folded.at, folded.state]));
            let folded = store.state_at(&PEOPLE.aggregates[0], stream, place).await.unwrap();
            answers.push(json!([folded.version, folded.at, folded.state]));
        }
    }
    for (since, until) in [(None, None), (Some(at(20)), None), (None, Some(at(20)))] {
        let selection = Selection { since, until, ..Selection::default() };
        for segments in [1, 3] {
            answers.push(json!(scanned(store, &selection, segments).await));
        }
    }
    answers
}

/// The events from one on, page by page.
async fn forwards(store: &EventStore, stream: &StreamName, after: u64, limit: u32) -> Vec<Commit> {
    let (mut commits, mut version) = (Vec::<Commit>::new(), after);
    loop {
        let page = store.commits_page(stream, version, limit).await.unwrap();
        let Some(last) = page.last() else { return commits };
        assert!(page.len() <= limit as usize);
        version = last.last();
        commits.extend(page);
    }
}

/// The commits before an event, page by page.
async fn backwards(
    store: &EventStore,
    stream: &StreamName,
    number: u64,
    limit: u32,
) -> Vec<Commit> {
    let (mut commits, mut before) = (Vec::<Commit>::new(), number);
    loop {
        let page = store.commits_before(stream, before, limit).await.unwrap();
        let Some(first) = page.first() else { return commits };
        assert!(page.len() <= limit as usize);
        before = first.first;
        commits.splice(0..0, page);
    }
}

async fn scanned(store: &EventStore, selection: &Selection, segments: u32) -> Vec<Commit> {
    let mut commits = Vec::new();
    for segment in Segment::all(segments) {
        let mut start: Option<ScanKey> = None;
        loop {
            let page = store.scan(selection, segment, start.as_ref()).await.unwrap();
            commits.extend(page.commits.into_iter().map(Result::unwrap));
            let Some(next) = page.next else { break };
            // Rebuilds keep it in a table.
            let item: headwater_dynamodb::Item = serde_dynamo::to_item(&next).unwrap();
            start = Some(serde_dynamo::from_item(item).unwrap());
        }
    }
    commits.sort_by(|a, b| (&a.stream, a.first).cmp(&(&b.stream, b.first)));
    commits
}

async fn world() -> (Dynamo, Arc<Memory>) {
    let dynamo = Dynamo::start().await;
    for (id, commits) in [("ada", 40), ("ben", 20), ("cid", 70), ("new", 3)] {
        dynamo.import(history(&person(id), commits));
    }
    (dynamo, Arc::default())
}

/// The numbers of a stream's commits that are in the table.
async fn in_table(dynamo: &Dynamo, stream: &StreamName, last: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    for number in 1..=last {
        if dynamo.item(stream, number).await.is_some() {
            numbers.push(number);
        }
    }
    numbers
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_before() {
    let (dynamo, objects) = world().await;
    let ada = person("ada");
    let before = answers(&dynamo.store(), &ada, ALL, &[3]).await;
    let paged = answers(&dynamo.store(), &ada, SOME, &[1, 50]).await;
    let counted = archive(&dynamo.store_with_archive(objects.clone()), Mode::Count).await.unwrap();
    assert_eq!(objects.calls.load(Relaxed), 0, "counting writes nothing");
    let moved = archive(&dynamo.store_with_archive(objects.clone()), Mode::Move).await.unwrap();
    assert_eq!(counted, Moved { objects: 0, ..moved });
    // 40, 20 and 70 commits, of which 16 stay; four are fewer than a page. The first stays, too.
    assert_eq!((moved.runs, moved.commits, moved.completed), (2, 24 + 54, 0));
    assert!(moved.packed < moved.bytes / 2, "{moved:?}");
    assert_eq!(in_table(&dynamo, &ada, 79).await.len(), 17);
    let after = answers(&dynamo.store_with_archive(objects.clone()), &ada, ALL, &[3]).await;
    for (place, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_eq!(before, after, "answer {place}");
    }
    let store = dynamo.store_with_archive(objects);
    assert!(paged == answers(&store, &ada, SOME, &[1, 50]).await);
    let again = archive(&store, Mode::Move).await.unwrap();
    assert_eq!(again, Moved::default());
}

#[tokio::test]
async fn whatever_fails_on_the_way_changes_no_answer_and_is_completed() {
    let ada = person("ada");
    let expected = {
        let (dynamo, _) = world().await;
        answers(&dynamo.store(), &ada, SOME, &[7]).await
    };
    let mut failed = 0;
    for step in 0.. {
        let (dynamo, objects) = world().await;
        let store = dynamo.store_with_archive(objects.clone());
        // Calls of S3 and of DynamoDB fail in turn, before they do anything or after.
        if step % 3 == 0 {
            *objects.left.lock().unwrap() = Some(step / 3);
        } else {
            let operation = ["PutItem", "DeleteItem", "Query"][step as usize / 6 % 3];
            let fault = if step % 3 == 1 {
                Fault::error("ValidationException")
            } else {
                Fault::lose_reply()
            };
            dynamo.inject(operation, fault);
        }
        let result = archive(&store, Mode::Move).await;
        *objects.left.lock().unwrap() = None;
        failed += i32::from(result.is_err());
        assert!(answers(&store, &ada, SOME, &[7]).await == expected, "step {step}: {result:?}");
        archive(&store, Mode::Move).await.unwrap();
        assert!(
            answers(&store, &ada, SOME, &[7]).await == expected,
            "step {step}, the second time"
        );
        assert_eq!(in_table(&dynamo, &ada, 79).await.len(), 17, "step {step}");
        if step >= 18 {
            break;
        }
    }
    assert!(failed >= 6, "only {failed} runs failed");
}

#[tokio::test]
async fn holes_in_the_table_are_filled_from_the_archive() {
    let (dynamo, objects) = world().await;
    let ada = person("ada");
    let before = answers(&dynamo.store(), &ada, SOME, &[7]).await;
    let store = dynamo.store_with_archive(objects.clone());
    archive(&store, Mode::Move).await.unwrap();
    // As if only some of the deletes had been done.
    for keep in [&[1, 2][..], &[2, 7], &[13, 14, 45], &[1, 4, 7, 20, 47]] {
        let kept = history(&ada, 40).into_iter().filter(|commit| keep.contains(&commit.first));
        let kept: Vec<Commit> = kept.collect();
        assert!(!kept.is_empty());
        dynamo.import(kept.clone());
        let after = answers(&dynamo.store_with_archive(objects.clone()), &ada, SOME, &[7]).await;
        for (place, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_eq!(before, after, "{keep:?}, answer {place}");
        }
        for commit in kept {
            delete(&dynamo, EVENTS, &ada, commit.first).await;
        }
    }
}

#[tokio::test]
async fn two_archivers_do_no_harm() {
    let (dynamo, objects) = world().await;
    let ada = person("ada");
    let before = answers(&dynamo.store(), &ada, SOME, &[7]).await;
    let store = dynamo.store_with_archive(objects.clone());
    let (one, other) = tokio::join!(archive(&store, Mode::Move), archive(&store, Mode::Move));
    // One may find that the other has deleted what it was about to note.
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    archive(&store, Mode::Move).await.unwrap();
    assert!(before == answers(&store, &ada, SOME, &[7]).await);
    assert_eq!(in_table(&dynamo, &ada, 79).await.len(), 17);
}

#[tokio::test]
async fn what_was_changed_in_the_archive_is_an_error_and_deletes_nothing() {
    let (dynamo, objects) = world().await;
    let ada = person("ada");
    let store = dynamo.store_with_archive(objects.clone());
    archive(&store, Mode::Move).await.unwrap();
    for object in objects.objects.lock().unwrap().values_mut() {
        object.iter_mut().step_by(40).for_each(|byte| *byte ^= 1);
    }
    let error = store.commits_after(&ada, 0).await.unwrap_err();
    assert!(matches!(error, StoreError::Archive { .. }), "{error}");
    // What is in both is not deleted if it differs.
    let mut kept: Vec<Commit> = history(&ada, 40).into_iter().take(20).collect();
    kept.iter_mut().for_each(|commit| commit.metadata.actor = "eve".to_owned());
    dynamo.import(kept);
    archive(&store, Mode::Move).await.unwrap_err();
    assert_eq!(in_table(&dynamo, &ada, 79).await.len(), 36);
}

#[tokio::test]
async fn what_lacks_a_commit_is_not_archived() {
    let (dynamo, objects) = world().await;
    let ada = person("ada");
    delete(&dynamo, EVENTS, &ada, 1).await;
    let store = dynamo.store_with_archive(objects);
    let error = archive(&store, Mode::Move).await.unwrap_err();
    assert!(matches!(error, StoreError::Gap { missing: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_command_and_a_load_cost_no_call_more() {
    let (dynamo, objects) = world().await;
    let ada = person("ada");
    let store = dynamo.store_with_archive(objects.clone());
    archive(&store, Mode::Move).await.unwrap();
    dynamo.take_calls();
    let calls = objects.calls.load(Relaxed);
    for (stream, is_new) in [(&ada, false), (&person("new"), false), (&person("zoe"), true)] {
        let cold = dynamo.store_with_archive(objects.clone());
        committed(run(&cold, stream, &Note("x".to_owned())).await);
        let cold: Vec<String> = dynamo.take_calls().into_iter().map(|(call, _)| call).collect();
        assert_eq!(cold, ["Query", "PutItem"], "{stream} {is_new}");
    }
    assert_eq!(objects.calls.load(Relaxed), calls);
}

/// An object and its note as they were written once, with events as an older build had them.
/// `BLESS=1` writes them if they are not there.
#[tokio::test]
async fn what_was_archived_once_is_read_for_ever() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (object, note) = (golden.join("archive.jsonl.zst"), golden.join("archive.note.json"));
    let (dynamo, objects) = (Dynamo::start().await, Arc::new(Memory::default()));
    let store = dynamo.store_with_archive(objects.clone());
    let gold = person("gold");
    let mut old = history(&gold, 40);
    for event in old.iter_mut().flat_map(|commit| &mut commit.events) {
        event.version = 1;
        event.data = json!({ "note": event.data["text"] });
    }
    if std::env::var_os("BLESS").is_some() && !object.exists() {
        dynamo.import(old.clone());
        archive(&store, Mode::Move).await.unwrap();
        let all = dynamo.client.scan().table_name(ARCHIVE).send().await.unwrap();
        let noted: serde_dynamo::Item = all.items.unwrap().remove(0).into();
        std::fs::write(&note, serde_json::to_string_pretty(&noted).unwrap() + "\n").unwrap();
        std::fs::write(&object, objects.objects.lock().unwrap().values().next().unwrap()).unwrap();
        return;
    }
    let noted: serde_dynamo::Item = serde_json::from_slice(&std::fs::read(note).unwrap()).unwrap();
    let noted: headwater_dynamodb::Item = noted.into();
    let name = noted["o"].as_s().unwrap().clone();
    let put = dynamo.client.put_item().table_name(ARCHIVE).set_item(Some(noted));
    put.send().await.unwrap();
    objects.objects.lock().unwrap().insert(name, std::fs::read(object).unwrap());
    // What stays in the table.
    let newest = old.split_off(24);
    dynamo.import([old[..1].to_vec(), newest].concat());
    old.iter_mut().for_each(|commit| commit.snapshot = None);
    assert_eq!(store.commits_until(&gold, 48).await.unwrap(), old);
    let folded = store.load_at::<Person>(&gold, At::Version(48)).await.unwrap();
    assert_eq!((folded.state.notes, folded.state.last.as_str()), (48, "23.2"));
}

#[tokio::test]
async fn histories_are_read_while_the_table_is_out_of_reach() {
    let (dynamo, objects) = world().await;
    let ada = person("ada");
    let store = dynamo.store_with_archive(objects.clone());
    archive(&store, Mode::Move).await.unwrap();
    // The archive has ada's first 24 commits, which are 48 events.
    let past = async |store: &EventStore| {
        let mut answers = vec![
            json!(store.commits_page(&ada, 0, 24).await.unwrap()),
            json!(store.commits_page(&ada, 17, 3).await.unwrap()),
            json!(store.commits_before(&ada, 40, 100).await.unwrap()),
            json!(store.commits_until(&ada, 46).await.unwrap()),
        ];
        for place in [At::Version(46), At::Version(1), At::Time(at(30))] {
            let folded = store.state_at(&PEOPLE.aggregates[0], &ada, place).await.unwrap();
            answers.push(json!([folded.version, folded.at, folded.state]));
        }
        answers
    };
    let expected = past(&store).await;
    dynamo.take_away(Some(EVENTS));
    let store = store.patient(Duration::from_millis(300));
    assert!(past(&store).await == expected);
    assert_eq!(store.commits_page(&ada, 0, 50).await.unwrap().len(), 24);
    // The rest is only in the table.
    for error in [
        store.commits_page(&ada, 48, 50).await.map(|_| ()),
        store.load::<Person>(&ada).await.map(|_| ()),
        store.load_at::<Person>(&ada, At::Time(at(79))).await.map(|_| ()),
    ] {
        assert!(matches!(error, Err(StoreError::Unavailable(_))), "{error:?}");
    }
    dynamo.take_away(None);
    assert!(past(&store).await == expected);
    // A page goes on behind the seam.
    assert_eq!(store.commits_page(&ada, 0, 50).await.unwrap().len(), 40);
    assert_eq!(store.commits_before(&ada, 80, 39).await.unwrap().len(), 39);
}

/// The places of archived commits are free in the table, so whoever thinks that a stream ends there
/// would write history anew.
#[tokio::test]
async fn nobody_writes_where_an_archived_commit_was() {
    let (dynamo, objects) = world().await;
    let early = dynamo.store_with_archive(objects.clone());
    let old = person("old");
    let mut rest = history(&old, 40);
    dynamo.import(rest.drain(..10).collect());
    let seen = early.load::<Person>(&old).await.unwrap().version;
    dynamo.import(rest);
    archive(&early, Mode::Move).await.unwrap();
    assert!(dynamo.item(&old, seen + 1).await.is_none());
    // One who remembers the stream as it was.
    assert_eq!(committed(run(&early, &old, &Note("x".to_owned())).await), 80);
    // One who assumes that there is no stream, and is told of its first commit.
    let ada = person("ada");
    let note = Note("x".to_owned());
    let assumed = Execution { is_new: true, ..execution(&ada, &note) };
    let store = dynamo.store_with_archive(objects);
    assert_eq!(committed(store.execute(assumed).await), 80);
    for stream in [&old, &ada] {
        assert_eq!(store.commits_after(stream, 0).await.unwrap().len(), 41);
    }
    // The first commit stays where it is.
    assert!(dynamo.item(&ada, 1).await.is_some());
    assert!(!store.is_archived(&ada, 1).await.unwrap());
    assert!(store.is_archived(&ada, 2).await.unwrap());
}

#[tokio::test]
async fn what_is_young_or_of_a_kind_without_retention_stays() {
    let (dynamo, objects) = world().await;
    let store = dynamo.store_with_archive(objects);
    let archiver = |domains, now: Timestamp| Archiver::new(store.clone(), domains, now).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let whole = Segment::all(1).next().unwrap();
    let thirty_days = 30 * 24 * 3600;
    // Of two streams. The 24th commit of each begins with event 46, and is as many seconds old.
    for (now, commits) in [(46, 2 * 23), (47, 2 * 24), (1, 0)] {
        let archiver = archiver(Domains::new([&PEOPLE]), at(thirty_days + now));
        let counted = archiver.segment(Mode::Count, whole, None, deadline).await.unwrap();
        assert_eq!(counted.moved.commits, commits, "{now}");
    }
    let unknown = archiver(Domains::new([]), at(LATER));
    let counted = unknown.segment(Mode::Move, whole, None, deadline).await.unwrap();
    assert_eq!(counted.moved, Moved::default());
}

#[tokio::test]
async fn a_pass_that_is_cut_short_goes_on_where_a_stream_begins() {
    let (dynamo, objects) = world().await;
    // Commits of 100 KB: each page has ten of them.
    let big = person("big");
    let text = "x".repeat(100_000);
    let large = (1..=60).map(|n| commit(&big, n, &[PersonEvent::Noted { text: text.clone() }]));
    dynamo.import(large.collect());
    let store = dynamo.store_with_archive(objects);
    let whole = Segment::all(1).next().unwrap();
    let (mut start, mut commits) = (None, 0);
    for _ in 0..100 {
        let archiver = Archiver::new(store.clone(), Domains::new([&PEOPLE]), at(LATER)).unwrap();
        let done = archiver.segment(Mode::Move, whole, start, Instant::now()).await.unwrap();
        commits += done.moved.commits;
        start = done.next;
        if start.is_none() {
            break;
        }
    }
    assert!(start.is_none(), "it does not end");
    // Of 44 that are old, fewer than a page may be left.
    assert!((24 + 54 + 37..=24 + 54 + 44).contains(&commits), "{commits}");
    assert_eq!(store.commits_after(&big, 0).await.unwrap().len(), 60);
}

async fn delete(dynamo: &Dynamo, table: &str, stream: &StreamName, number: u64) {
    assert_ne!(table, ARCHIVE);
    let request = dynamo.client.delete_item().table_name(table);
    let request = request.key("stream", AttributeValue::S(stream.to_string()));
    request.key("seq", AttributeValue::N(number.to_string())).send().await.unwrap();
}
