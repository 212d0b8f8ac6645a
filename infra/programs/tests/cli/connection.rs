//! How the tables are found, and what is said when they are not. The program itself runs here, each
//! time in an environment of its own.

use std::process::{Command, Output};

use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::support::{Machine, run};

/// Runs the program with nothing in its environment but this.
async fn headwater(line: &'static str, environment: Vec<(&'static str, String)>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().envs(environment).args(line.split(' '));
    spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

/// What the AWS SDK looks for, and the tables' names.
fn environment(endpoint: &str) -> Vec<(&'static str, String)> {
    let variables = [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("EVENTS_TABLE", "events"),
        ("FEED_TABLE", "feed"),
    ];
    variables.map(|(name, value)| (name, value.to_owned())).into()
}

#[tokio::test]
async fn the_environment_names_the_tables_as_it_does_for_functions() {
    let machine = Machine::with_histories().await;
    let answer = headwater(
        "streams ls --tenant acme --prefix licensing/p --json",
        environment(&machine.dynamodb),
    )
    .await;
    assert_eq!(
        String::from_utf8(answer.stdout).unwrap(),
        "{\"stream\":\"acme/licensing/policy\",\"version\":7}\n"
    );
    assert_eq!(answer.status.code(), Some(0));
}

#[tokio::test]
async fn a_table_that_nobody_named_is_asked_for_by_its_variable() {
    let answer = headwater("streams show acme/licensing/policy", Vec::new()).await;
    assert_eq!(
        String::from_utf8(answer.stderr).unwrap(),
        "error: EVENTS_TABLE is not set: give the name that the functions have in it, or --local \
         for the platform on this machine\n"
    );
    assert_eq!((answer.status.code(), answer.stdout.as_slice()), (Some(2), &b""[..]));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_of_with_what_to_try() {
    let answer = headwater("state acme/licensing/policy", environment(&nowhere().await)).await;
    let told = String::from_utf8(answer.stderr).unwrap();
    assert!(told.contains("--local") && told.contains("the store is out of reach"), "{told}");
    assert_eq!(answer.status.code(), Some(2));
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_told_of_with_what_to_try() {
    let url = nowhere().await;
    let answer = run(&format!("state acme/licensing/policy --local={url}")).await;
    let told = format!(
        "error: no platform answers at {url}: start it with `cargo local`, or say where it is \
         with --local=URL"
    );
    assert!(answer.err.starts_with(&told), "{}", answer.err);
    assert_eq!(answer.code, 2);
}

/// Where nothing listens.
async fn nowhere() -> String {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    format!("http://{free}")
}
