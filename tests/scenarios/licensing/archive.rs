//! A history whose old commits lie in the archive is as it was, to whoever asks.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_tests::operator::{headwater, wrong};
use headwater_tests::{Client, Platform};
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::time::sleep;

use super::support::{DAY, YEAR, acquire, advance, dump, follow_up};
use crate::support::own_platform;

/// How many commits the customer has from before the archive's time: more than stay in any case.
const OLD: usize = 130;

/// Its stream.
const CUSTOMER: &str = "archive/licensing/customers/ada";

/// What can be asked about the customer's history.
async fn answers(client: &Client) -> Result<Vec<Value>> {
    let stream = "licensing/customers/ada";
    let mut answers = Vec::new();
    for path in [
        format!("/events/{stream}"),
        format!("/events/{stream}?after=7&limit=3"),
        "/licensing/changes".to_owned(),
        "/licensing/customers/ada/licenses".to_owned(),
    ] {
        answers.push(client.all(&path).await?.into());
    }
    for query in ["", "?version=1", "?version=50", "?version=90&diff=3"] {
        answers.push(client.get(&format!("/states/{stream}{query}")).await?.body);
    }
    answers.push(dump(client, "ada").await?.into());
    Ok(answers)
}

/// How many of the customer's commits are in the table.
async fn in_table(platform: &Platform) -> Result<i32> {
    let (dynamodb, table) = (platform.dynamodb().await?, platform.table("EventsTable").await?);
    let stream = AttributeValue::S(CUSTOMER.to_owned());
    let query = dynamodb.query().table_name(&table).key_condition_expression("#stream = :stream");
    let query = query
        .expression_attribute_names("#stream", "stream")
        .expression_attribute_values(":stream", stream);
    Ok(query.send().await?.count)
}

/// Has a customer's history of two years, most of which may be archived.
async fn with_history() -> Result<(Platform, Client)> {
    let platform = own_platform()?;
    let client = platform.client("archive").await?;
    advance(&platform, -2 * YEAR).await?;
    for number in 0..OLD / 2 {
        let license = acquire(&client, "ada", &format!("t{}", number % 3), "tablet").await?;
        follow_up(&client, "ada", license.id(), "release").await?.expect(200)?;
        advance(&platform, DAY).await?;
    }
    advance(&platform, 2 * YEAR - DAY * OLD as i64 / 2).await?;
    platform.settled().await?;
    Ok((platform, client))
}

#[tokio::test]
async fn whatever_is_asked_about_a_history_is_answered_as_before_it_was_archived() -> Result<()> {
    let (platform, client) = with_history().await?;
    let (before, all) = (answers(&client).await?, in_table(&platform).await?);

    let would_move = headwater::<Value>(&platform, "archive --dry-run").await?;
    assert_eq!(would_move[0]["objects"], 0, "{would_move:?}");
    platform.schedule("archive").await?;
    platform.settled().await?;
    let archived = platform.metric("archive", "ArchivedCommits")?;
    assert!(archived > 30.0, "{archived}");
    assert_eq!(would_move[0]["commits"].as_f64(), Some(archived));
    // A stream's first commit is in both.
    assert_eq!(f64::from(all - in_table(&platform).await?), archived - 1.0);
    // What the archiver removes is told from tampering.
    assert_eq!(platform.metric("relay", "TamperedItems")?, 0.0);
    for (place, (before, after)) in before.iter().zip(answers(&client).await?).enumerate() {
        assert_eq!(*before, after, "answer {place}");
    }

    let kinds = headwater::<Value>(&platform, "storage").await?;
    let customers = kinds.iter().find(|kind| kind["kind"] == "licensing/customers").unwrap();
    assert!(customers["archivedEvents"].as_f64() >= Some(archived), "{customers}");
    assert_eq!(customers["movableCommits"], 0, "{customers}");
    assert_eq!(headwater::<Value>(&platform, "verify --pause 1").await?, [Value::Null; 0]);

    // The customer goes on as ever.
    acquire(&client, "ada", "t9", "tablet").await?;
    platform.settled().await?;

    // Whatever else is removed was tampered with: a first commit, though the archive has it.
    let (dynamodb, table) = (platform.dynamodb().await?, platform.table("EventsTable").await?);
    let delete = dynamodb.delete_item().table_name(&table);
    let delete = delete.key("stream", AttributeValue::S(CUSTOMER.to_owned()));
    delete.key("seq", AttributeValue::N("1".to_owned())).send().await?;
    platform.settled().await?;
    assert_eq!(platform.metric("relay", "TamperedItems")?, 1.0);
    Ok(())
}

/// The events table is out of reach, and the archive is not: what lies below the seam is read.
#[tokio::test]
async fn an_archived_history_is_read_while_the_table_is_out_of_reach() -> Result<()> {
    let (platform, client) = with_history().await?;
    headwater::<Value>(&platform, "archive").await?;
    platform.settled().await?;
    let stream = "licensing/customers/ada";
    let old = [
        format!("/events/{stream}?after=7&limit=3"),
        format!("/states/{stream}?version=1"),
        format!("/states/{stream}?version=50"),
        format!("/states/{stream}?version=50&diff=3"),
    ];
    let mut before = Vec::new();
    for path in &old {
        before.push(client.get(path).await?.body);
    }
    let table = platform.table("EventsTable").await?;
    let outage =
        json!({ "service": "dynamodb", "fault": "unreachable", "rate": 1.0, "table": table });
    platform.fault(outage).await?;
    for (path, before) in old.iter().zip(&before) {
        assert_eq!(client.get(path).await?.body, *before, "{path}");
    }
    // What is only in the table is not there, and nothing is made up for it.
    for path in [format!("/states/{stream}"), format!("/events/{stream}?after=120")] {
        client.call("GET", &path).send().await?.problem(503, "store-unavailable")?;
    }
    platform.fault(json!({ "service": "dynamodb", "fault": "none" })).await?;
    client.get(&format!("/states/{stream}")).await?.expect(200)?;

    // An object that somebody has changed is named, and nothing is made up for it either.
    for object in objects(&platform)? {
        let mut bytes = fs::read(&object)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&object, bytes)?;
    }
    let findings = wrong(&platform).await?;
    let named = findings.iter().filter(|finding| finding["kind"] == "archive");
    let named: Vec<_> = named.map(|finding| finding["stream"].clone()).collect();
    assert!(named.contains(&json!(CUSTOMER)), "{findings:?}");
    client.call("GET", &old[2]).send().await?.problem(500, "internal-error")?;
    Ok(())
}

/// The archive's objects, which are files here.
fn objects(platform: &Platform) -> Result<Vec<PathBuf>> {
    let mut objects = Vec::new();
    for bucket in fs::read_dir(platform.folder().join("s3"))? {
        for object in fs::read_dir(bucket?.path())? {
            objects.push(object?.path());
        }
    }
    let is_archive = |path: &PathBuf| path.to_string_lossy().contains("jsonl");
    objects.retain(is_archive);
    Ok(objects)
}

/// The archiver may die at any step: the next run goes on, and completes what was begun.
#[tokio::test]
async fn an_archiver_that_is_killed_again_and_again_loses_nothing() -> Result<()> {
    let (platform, client) = with_history().await?;
    let (before, dumped) = (answers(&client).await?, dump_of(&platform).await?);
    let mut kills = 0;
    for pause in [0, 3, 6, 10, 15, 20, 30, 45, 60, 90].map(Duration::from_millis) {
        let run = platform.schedule("archive");
        let kill = async {
            sleep(pause).await;
            platform.kill_function("archive").await
        };
        // A run that was killed fails, and is not repeated.
        let (_, killed) = tokio::join!(run, kill);
        kills += killed?;
        assert_eq!(answers(&client).await?, before, "killed after {pause:?}");
    }
    assert!(kills >= 5, "only {kills} processes were killed");
    headwater::<Value>(&platform, "archive").await?;
    platform.settled().await?;
    let left = in_table(&platform).await?;
    assert!(left <= 81, "{left} are in the table");
    assert_eq!(answers(&client).await?, before);
    assert_eq!(dump_of(&platform).await?, dumped);
    assert_eq!(headwater::<Value>(&platform, "verify --pause 1").await?, [Value::Null; 0]);
    assert_eq!(platform.metric("relay", "TamperedItems")?, 0.0);
    Ok(())
}

/// All that is stored, from both tiers.
async fn dump_of(platform: &Platform) -> Result<Vec<Value>> {
    headwater(platform, "dump").await
}

#[tokio::test]
#[ignore = "long: installs DuckDB"]
async fn duckdb_answers_the_pages_question_over_the_archive() -> Result<()> {
    let (platform, _) = with_history().await?;
    headwater::<Value>(&platform, "archive").await?;
    // Objects are files here, each named by its key.
    let folder = tempdir()?;
    for object in objects(&platform)? {
        let name = object.file_name().context("no name")?.to_string_lossy();
        let file = folder.path().join(name.replace("%2F", "/").replace("%2E", "."));
        fs::create_dir_all(file.parent().context("a file at the root")?)?;
        fs::copy(object, file)?;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/how-to/keep-histories-cheap.md"))?;
    let (_, query) = page.split_once("```sql\n").context("no query")?;
    let (query, _) = query.split_once("```").context("no end")?;
    let mut duckdb = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .args(["-p", "xtask", "--", "duckdb"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    duckdb.stdin.take().context("no input")?.write_all(query.as_bytes())?;
    let answer = duckdb.wait_with_output()?;
    ensure!(answer.status.success(), "{}", answer.status);
    let rows: Vec<(String, String)> = String::from_utf8(answer.stdout)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    // One licence a day. Of the newest 80 commits none is archived.
    let acquired: usize = rows.iter().map(|(_, count)| count.parse().unwrap_or(0)).sum();
    assert!(rows.len() >= 2 && acquired == (OLD - 80) / 2, "{rows:?}");
    assert!(rows.is_sorted());
    Ok(())
}
