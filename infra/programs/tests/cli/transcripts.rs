//! Each file of `transcripts` is what a terminal shows: command lines, and under each what it
//! answers. Standard error is marked with `!`, an exit code other than 0 stands at the end. With
//! `BLESS=1` in the environment the files are written anew: look at what changed.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use headwater_testkit::difference;

use crate::support::{Answer, Machine};

#[tokio::test]
async fn streams_and_their_events() {
    check("streams").await;
}

#[tokio::test]
async fn the_state_of_every_kind_of_stream_as_it_was() {
    check("state").await;
}

#[tokio::test]
async fn the_views_that_there_are() {
    check("views").await;
}

#[tokio::test]
async fn commits_of_a_request_of_a_dump_and_for_the_projectors() {
    check("commits").await;
}

#[tokio::test]
async fn rows_that_are_built_anew() {
    check("rebuild").await;
}

#[tokio::test]
async fn what_is_found_in_histories_without_the_streams_that_go_with_them() {
    check("verify").await;
}

#[tokio::test]
async fn help_texts() {
    check("help").await;
}

async fn check(name: &str) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/transcripts/{name}.txt"));
    let expected = fs::read_to_string(&path).unwrap();
    let machine = Machine::with_histories().await;
    let mut actual = String::new();
    for line in expected.lines().filter_map(|line| line.strip_prefix("$ headwater ")) {
        let gap = if actual.is_empty() { "" } else { "\n" };
        write!(actual, "{gap}$ headwater {line}\n{}", shown(&machine.run(line).await)).unwrap();
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &actual).unwrap();
    }
    assert!(
        actual == expected,
        "{name}: if it is meant, write it anew with BLESS=1 (- expected, + found):\n{}",
        difference(&expected, &actual)
    );
}

fn shown(Answer { out, err, code }: &Answer) -> String {
    let mut shown = out.clone();
    err.lines().for_each(|line| writeln!(shown, "{}", format!("! {line}").trim_end()).unwrap());
    if *code != 0 {
        writeln!(shown, "exit code {code}").unwrap();
    }
    shown
}
