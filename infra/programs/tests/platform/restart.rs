//! A platform that is killed, and one that finds its data directory in use.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use headwater_local::config::Config;
use headwater_local::platform::Platform;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::support::{self, System};

/// No test: a platform in a process of its own, which can be killed.
#[tokio::test]
#[ignore = "run by the tests of this file"]
async fn platform_process() {
    let Ok(data_dir) = std::env::var("DATA_DIR") else { return };
    headwater_local::host::exit_with_parent();
    let system = System::start_in(data_dir.into()).await;
    println!("\nready {}", system.url());
    std::future::pending().await
}

#[tokio::test]
async fn a_data_directory_serves_one_platform_at_a_time() {
    let system = System::start().await;
    let config = support::config(&system.data_dir);
    let second = Platform::start(&config, support::executable()).await;
    let refused = second.err().expect("a refusal").to_string();
    assert!(refused.contains("is in use by another platform"), "{refused}");
}

#[tokio::test]
async fn a_killed_platform_picks_up_where_it_stopped_and_leaves_no_process() {
    let folder = TempDir::new().unwrap();
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut pid = None;
    for (round, enough) in [(1_u32, 1), (2, 20), (3, 60)] {
        let mut victim = Victim::start(folder.path());
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        let seen: Value =
            client.get(format!("{}/open", victim.url)).send().await.unwrap().json().await.unwrap();
        pid = seen["pid"].as_u64().or(pid);
        let numbers = format!("{}/numbers", victim.url);
        let load = tokio::spawn(put_until_refused(client, numbers, round, acknowledged.clone()));
        // Somewhere in the middle, where anything may be half done: when enough was acknowledged,
        // not after some time, for machines differ.
        while acknowledged.lock().await.len() < enough {
            assert!(!load.is_finished(), "the platform is gone");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        victim.child.kill().unwrap();
        victim.child.wait().unwrap();
        load.await.unwrap();
    }
    let acknowledged = acknowledged.lock().await;
    let system = System::start_in(folder.path().to_owned()).await;
    system.caught_up().await;
    let sums = system.ids("Sums").await;
    let lost: Vec<_> = acknowledged.iter().filter(|id| !sums.contains(id)).collect();
    assert!(lost.is_empty(), "of {} acknowledged were lost: {lost:?}", acknowledged.len());
    let orphan = format!("/proc/{}", pid.unwrap());
    system
        .wait_for("the killed platform's process to end", async || {
            (!Path::new(&orphan).exists()).then_some(())
        })
        .await;
}

#[tokio::test]
async fn in_memory_it_starts_empty_and_leaves_nothing() {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/platform/template.yaml");
    let config =
        Config::parse_from(["local", "--port", "0", "--in-memory", "--template", template]);
    for _ in 0..2 {
        let platform = Platform::start(&config, support::executable()).await.unwrap();
        let system = System::around(platform);
        assert_eq!(system.ids("Sums").await, Vec::<String>::new());
        system.put("1").await;
        system.caught_up().await;
        assert_eq!(system.ids("Sums").await, ["1"]);
    }
    assert!(!Path::new(".headwater").exists());
}

#[test]
fn the_program_says_when_it_is_ready_and_ends_at_ctrl_c() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut program = Command::new(env!("CARGO_BIN_EXE_headwater-local"))
        .args(["--port", "0", "--in-memory"])
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ready = lines.next().unwrap();
    assert!(ready.starts_with("ready http://127.0.0.1:"), "{ready}");
    assert!(lines.any(|line| line.contains("curl -i http://127.0.0.1:")), "an example to paste");
    kill(Pid::from_raw(program.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert!(program.wait().unwrap().success());
}

/// Puts numbers of this round, one after the other, until the platform is gone.
async fn put_until_refused(
    client: Client,
    numbers: String,
    round: u32,
    acknowledged: Arc<Mutex<Vec<String>>>,
) {
    for id in round * 100_000.. {
        match client.put(format!("{numbers}/{id}")).send().await {
            Ok(answer) if answer.status() == 204 => acknowledged.lock().await.push(id.to_string()),
            Ok(_) => {}
            Err(_) => break,
        }
    }
}

/// A platform in a process of its own.
struct Victim {
    child: Child,
    url: String,
}

impl Victim {
    fn start(data_dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "restart::platform_process", "--ignored", "--nocapture"])
            .env("DATA_DIR", data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
        Self { child, url: url.expect("a ready line") }
    }
}
