//! The emulators over the wire, with the SDK's clients.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Record, ShardIteratorType};
use tempfile::TempDir;

use super::testing::{self, start, template};
use super::*;

/// Where the child of the `kill -9` test keeps its data.
const CHILD_DATA: &str = "HEADWATER_TEST_DATA_DIR";

fn dynamodb(endpoint: &str) -> aws_sdk_dynamodb::Client {
    testing::dynamodb(endpoint, "headwater")
}

fn kinesis(endpoint: &str) -> aws_sdk_kinesis::Client {
    testing::kinesis(endpoint, "headwater")
}

fn s3(emulators: &Emulators) -> aws_sdk_s3::Client {
    testing::s3(&emulators.s3, "headwater")
}

async fn put_event(client: &aws_sdk_dynamodb::Client, stream: &str, seq: usize, ttl: Option<u64>) {
    let put = client
        .put_item()
        .table_name("Events")
        .item("stream", text(stream))
        .item("seq", AttributeValue::N(seq.to_string()));
    let put = match ttl {
        Some(ttl) => put.item("ttl", AttributeValue::N(ttl.to_string())),
        None => put,
    };
    put.send().await.unwrap();
}

async fn count_events(client: &aws_sdk_dynamodb::Client) -> i32 {
    client.scan().table_name("Events").send().await.unwrap().count()
}

/// Every record of every shard, from the checkpoint of the shard if there is one.
async fn records(
    client: &aws_sdk_kinesis::Client,
    checkpoints: &HashMap<String, String>,
) -> Vec<(String, Record)> {
    let shards = client.list_shards().stream_name("Commits").send().await.unwrap();
    let mut all = Vec::new();
    for shard in shards.shards() {
        let from = client.get_shard_iterator().stream_name("Commits").shard_id(shard.shard_id());
        let from = match checkpoints.get(shard.shard_id()) {
            Some(number) => from
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(number),
            None => from.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let iterator = from.send().await.unwrap().shard_iterator.unwrap();
        let page = client.get_records().shard_iterator(iterator).send().await.unwrap();
        all.extend(page.records.into_iter().map(|record| (shard.shard_id().to_owned(), record)));
    }
    all
}

async fn put_records(client: &aws_sdk_kinesis::Client, keys: &[String]) -> Vec<String> {
    let entries = keys.iter().map(|key| {
        PutRecordsRequestEntry::builder()
            .partition_key(key)
            .data(Blob::new(key.as_bytes()))
            .build()
            .unwrap()
    });
    let put = client
        .put_records()
        .stream_name("Commits")
        .set_records(Some(entries.collect()))
        .send()
        .await;
    let Ok(put) = put else { return Vec::new() };
    put.records.into_iter().filter_map(|record| record.sequence_number).collect()
}

#[tokio::test]
async fn a_restart_finds_tables_streams_and_objects_as_they_were() {
    let dir = TempDir::new().unwrap();
    let first = start(Some(dir.path())).await;
    put_event(&dynamodb(&first.dynamodb), "a", 1, None).await;
    put_records(&kinesis(&first.kinesis), &["a".into()]).await;
    s3(&first)
        .put_object()
        .bucket("failures")
        .key("k")
        .body(b"v".to_vec().into())
        .send()
        .await
        .unwrap();
    drop(first);
    let second = start(Some(dir.path())).await;
    assert_eq!(count_events(&dynamodb(&second.dynamodb)).await, 1);
    assert_eq!(records(&kinesis(&second.kinesis), &HashMap::new()).await.len(), 1);
    let object = s3(&second).get_object().bucket("failures").key("k").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "v");
}

#[tokio::test]
async fn the_stream_of_a_table_is_indexed_in_both_modes() {
    let dir = TempDir::new().unwrap();
    for (database, name) in [(super::dynamodb::in_memory().unwrap(), "memory"), {
        (super::dynamodb::on_disk(&dir.path().join("db.sqlite")).unwrap(), "disk")
    }] {
        let copy = dir.path().join(name);
        database.vacuum_into(copy.to_str().unwrap()).unwrap();
        let query = "EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER)) FROM \
                     _stream_records WHERE table_name = 't'";
        let plan: String = rusqlite::Connection::open(copy)
            .unwrap()
            .query_row(query, [], |row| row.get(3))
            .unwrap();
        assert!(plan.contains("headwater_stream_order"), "{name}: {plan}");
    }
}

#[tokio::test]
async fn expired_items_are_removed() {
    // A server of its own, which sweeps more often than once a minute.
    let database = super::dynamodb::in_memory().unwrap();
    let mut servers = JoinSet::new();
    let endpoint = {
        let database = database.clone();
        spawn_on_loopback(&mut servers, |listener| dynoxide::server::serve_on(listener, database))
            .await
            .unwrap()
    };
    super::dynamodb::create_tables(&endpoint, &template().tables).await.unwrap();
    let client = dynamodb(&endpoint);
    put_event(&client, "expired", 1, Some(1)).await;
    put_event(&client, "lasting", 1, Some(99_999_999_999)).await;
    servers.spawn(super::dynamodb::remove_expired(database, Duration::from_millis(5)));
    let deadline = Instant::now() + Duration::from_secs(10);
    while count_events(&client).await > 1 {
        assert!(Instant::now() < deadline, "the expired item stays");
    }
}

#[tokio::test]
async fn a_part_of_an_object_is_read() {
    let emulators = start(None).await;
    let client = s3(&emulators);
    let put = client.put_object().bucket("failures").key("k").body(b"0123456789".to_vec().into());
    put.send().await.unwrap();
    let read = async |range: &str| {
        let object = client.get_object().bucket("failures").key("k").range(range).send().await?;
        let shown = object.content_range().map(str::to_owned);
        Ok::<_, aws_sdk_s3::Error>((object.body.collect().await.unwrap().to_vec(), shown))
    };
    for (range, part, shown) in [
        ("bytes=2-4", "234", Some("bytes 2-4/10")),
        ("bytes=8-99", "89", Some("bytes 8-9/10")),
        ("bytes=4-2", "0123456789", None),
    ] {
        let expected = (part.as_bytes().to_vec(), shown.map(str::to_owned));
        assert_eq!(read(range).await.unwrap(), expected, "{range}");
    }
    let error = read("bytes=10-11").await.unwrap_err();
    assert_eq!(aws_sdk_s3::error::ProvideErrorMetadata::code(&error), Some("InvalidRange"));
}

#[tokio::test]
async fn objects_are_listed_in_pages_and_deleted() {
    let emulators = start(None).await;
    let client = s3(&emulators);
    for key in ["b/2 &<x>", "b/1", "../a", "c"] {
        client
            .put_object()
            .bucket("failures")
            .key(key)
            .body(key.as_bytes().to_vec().into())
            .send()
            .await
            .unwrap();
    }
    let pages = client
        .list_objects_v2()
        .bucket("failures")
        .max_keys(3)
        .into_paginator()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await;
    let keys: Vec<Vec<_>> = pages
        .unwrap()
        .iter()
        .map(|page| page.contents().iter().map(|o| o.key().unwrap().to_owned()).collect())
        .collect();
    assert_eq!(keys, [vec!["../a", "b/1", "b/2 &<x>"], vec!["c"]]);
    let with_prefix =
        client.list_objects_v2().bucket("failures").prefix("b/").send().await.unwrap();
    assert_eq!(with_prefix.key_count(), Some(2));
    let object = client.get_object().bucket("failures").key("../a").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "../a");
    client.delete_object().bucket("failures").key("../a").send().await.unwrap();
    client.delete_object().bucket("failures").key("../a").send().await.unwrap();
    let missing = client.get_object().bucket("failures").key("../a").send().await.unwrap_err();
    assert!(missing.into_service_error().is_no_such_key());
    let elsewhere = client.list_objects_v2().bucket("nowhere").send().await.unwrap_err();
    assert!(elsewhere.into_service_error().is_no_such_bucket());
}

#[tokio::test]
async fn outside_servers_take_the_place_of_the_embedded_ones() {
    let outside = start(None).await;
    let options = Options {
        data_dir: None,
        dynamodb_endpoint: Some(format!("{}/", outside.dynamodb)),
        kinesis_endpoint: Some(outside.kinesis.clone()),
    };
    let emulators = Emulators::start(&template(), &options).await.unwrap();
    put_event(&dynamodb(&emulators.dynamodb), "a", 1, None).await;
    assert_eq!(count_events(&dynamodb(&outside.dynamodb)).await, 1);
    assert_eq!(emulators.kinesis, outside.kinesis);
    let nobody =
        Options { dynamodb_endpoint: Some("http://127.0.0.1:9".into()), ..Options::default() };
    let error = Emulators::start(&template(), &nobody).await.unwrap_err();
    assert!(format!("{error:#}").contains("http://127.0.0.1:9 doesn't answer"), "{error:#}");
}

/// Not a test: the process that the next one kills. It says where its Kinesis and its DynamoDB are
/// and serves for a minute.
#[tokio::test]
#[ignore = "run by what_was_acknowledged_survives_kill_9"]
#[expect(clippy::print_stdout, reason = "the other process reads it")]
async fn serve_until_killed() {
    let Ok(dir) = std::env::var(CHILD_DATA) else { return };
    let emulators = start(Some(Path::new(&dir))).await;
    println!("\nserving {} {}", emulators.kinesis, emulators.dynamodb);
    tokio::time::sleep(Duration::from_secs(60)).await;
}

/// Starts [`serve_until_killed`] in a process of its own; returns its endpoints too.
fn spawn_child(dir: &Path) -> (Child, String, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "emulators::tests::serve_until_killed", "--ignored", "--nocapture"])
        .env(CHILD_DATA, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("serving ")).unwrap();
    let mut words = line.split(' ').skip(1).map(str::to_owned);
    (child, words.next().unwrap(), words.next().unwrap())
}

/// Returns how many were acknowledged.
async fn put_commits_until_refused(endpoint: String) -> i32 {
    let client = dynamodb(&endpoint);
    let put = |seq: i32| {
        client
            .put_item()
            .table_name("Events")
            .item("stream", text("a"))
            .item("seq", AttributeValue::N(seq.to_string()))
    };
    let mut seq = 0;
    while put(seq).send().await.is_ok() {
        seq += 1;
    }
    seq
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = TempDir::new().unwrap();
    let (mut child, endpoint, tables) = spawn_child(dir.path());
    let commits = tokio::spawn(put_commits_until_refused(tables));
    let writers = (0..4).map(|writer| {
        let client = kinesis(&endpoint);
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for batch in 0.. {
                let keys: Vec<String> = (0..10).map(|n| format!("{writer}-{batch}-{n}")).collect();
                let numbers = put_records(&client, &keys).await;
                if numbers.is_empty() {
                    break;
                }
                acknowledged.extend(numbers.into_iter().zip(keys));
            }
            acknowledged
        })
    });
    let writers: Vec<_> = writers.collect();
    let before = {
        let client = kinesis(&endpoint);
        loop {
            let seen = records(&client, &HashMap::new()).await;
            if seen.len() > 500 {
                break seen;
            }
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let mut acknowledged = HashMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert!(acknowledged.len() > 500);

    let emulators = start(Some(dir.path())).await;
    let commits = commits.await.unwrap();
    assert!(
        commits > 0 && count_events(&dynamodb(&emulators.dynamodb)).await >= commits,
        "{commits} commits were acknowledged"
    );
    let client = kinesis(&emulators.kinesis);
    let found = records(&client, &HashMap::new()).await;
    let by_number: HashMap<_, _> =
        found.iter().map(|(_, record)| (record.sequence_number(), record)).collect();
    assert_eq!(by_number.len(), found.len());
    for (number, key) in &acknowledged {
        let record = by_number.get(number.as_str()).unwrap_or_else(|| panic!("{key} is lost"));
        assert_eq!(
            (record.partition_key(), record.data().as_ref()),
            (Some(key.as_str()), key.as_bytes())
        );
    }

    // A reader that had got as far as anyone could finds exactly what comes now, under numbers not
    // used before.
    let mut checkpoints: HashMap<String, String> = HashMap::new();
    for (shard, record) in before.iter().chain(&found) {
        let checkpoint = checkpoints.entry(shard.clone()).or_default();
        *checkpoint = record.sequence_number().max(checkpoint).to_owned();
    }
    let new: Vec<String> = (0..20).map(|n| format!("new-{n}")).collect();
    assert_eq!(put_records(&client, &new).await.len(), 20);
    let mut after: Vec<_> = records(&client, &checkpoints)
        .await
        .iter()
        .filter_map(|(_, r)| r.partition_key().map(str::to_owned))
        .collect();
    after.sort();
    let mut expected = new;
    expected.sort();
    assert_eq!(after, expected);
}

#[tokio::test]
async fn what_kinesis_would_have_dropped_is_not_restored() {
    let dir = TempDir::new().unwrap();
    let first = start(Some(dir.path())).await;
    // One key, so one shard: numbers grow within a shard only.
    let keys = vec!["key".to_owned(); 20];
    let before = put_records(&kinesis(&first.kinesis), &keys).await;
    drop(first);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let arrived = |hours_ago: u64| {
        let file = rusqlite::Connection::open(dir.path().join("kinesis.sqlite")).unwrap();
        file.execute("UPDATE records SET arrived = ?1", [(now - hours_ago * 60 * 60) * 1000])
            .unwrap();
    };
    // The template lets the stream keep its records for 48 hours.
    arrived(47);
    let second = start(Some(dir.path())).await;
    assert_eq!(records(&kinesis(&second.kinesis), &HashMap::new()).await.len(), 20);
    drop(second);
    arrived(49);
    let third = start(Some(dir.path())).await;
    let client = kinesis(&third.kinesis);
    assert!(records(&client, &HashMap::new()).await.is_empty());
    // Numbering goes on all the same, well after what may have been read and not written down.
    let after = put_records(&client, &keys).await;
    let place = |number: Option<&String>| {
        ferrokinesis::sequence::parse_sequence(number.unwrap()).unwrap().seq_ix.unwrap()
    };
    assert!(place(before.last()) + 10_000 <= place(after.first()), "{before:?} {after:?}");
}
