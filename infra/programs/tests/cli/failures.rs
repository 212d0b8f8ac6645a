//! `failures`: what functions gave up is listed, explained, and put back where it came from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use headwater_kinesis::Record;
use serde_json::{Value, json};

use crate::support::{Answer, Machine};

/// What Lambda writes when a function gives up records of this stream, each with this key.
pub(crate) fn given_up(function: &str, stream: &str, keys: &[&str]) -> Value {
    let record = |key: &&str| {
        json!({
            "eventSource": "aws:kinesis",
            "eventSourceARN": format!("arn:aws:kinesis:eu-west-1:123456789012:stream/{stream}"),
            "kinesis": {
                "partitionKey": key, "data": BASE64.encode(key), "sequenceNumber": "1",
                "approximateArrivalTimestamp": 1.5,
            },
        })
    };
    let records: Vec<Value> = keys.iter().map(record).collect();
    json!({
        "requestContext": {
            "requestId": "r",
            "functionArn": format!("arn:aws:lambda:eu-west-1:123456789012:function:{function}"),
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 4,
        },
        "version": "1.0", "timestamp": "2026-11-14T00:38:06.021Z",
        "payload": json!({ "Records": records }).to_string(),
    })
}

const MAILS: [&str; 4] = [
    "acme/invoicing/invoices/1",
    "acme/invoicing/invoices/2",
    "acme/invoicing/invoices/1",
    "acme/invoicing/invoices/3",
];

async fn machine() -> Machine {
    let machine = Machine::start().await;
    machine.door.put_object("aws/lambda/a", &given_up("invoicing-send-mail", "commits", &MAILS));
    machine.door.put_object(
        "aws/lambda/b",
        &given_up("identity-transform-external-users", "external-users", &["7"]),
    );
    machine
}

/// The records that have these keys, on a stream of this name.
fn records(stream: &str, keys: &[&str]) -> Vec<(String, Record)> {
    keys.iter()
        .map(|key| (stream.to_owned(), Record { key: (*key).to_owned(), data: (*key).into() }))
        .collect()
}

#[track_caller]
fn keys(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.code, 0, "{answer:?}");
    answer
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["key"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_explained() {
    let machine = machine().await;
    let listed = machine.run("failures ls").await;
    let expected = "\
SINCE                     FUNCTION                           WHY                     RECORDS  \
    STREAMS                                                  KEY
2026-11-14T00:38:06.021Z  invoicing-send-mail                RetryAttemptsExhausted  4        \
    acme/invoicing/invoices/1, acme/invoicing/invoices/2, …  aws/lambda/a
2026-11-14T00:38:06.021Z  identity-transform-external-users  RetryAttemptsExhausted  1        \
    7                                                        aws/lambda/b
";
    assert_eq!((listed.out.as_str(), listed.code), (expected, 0), "{}", listed.err);
    let first = machine.run("failures ls --limit 1 --json").await;
    assert_eq!(
        (keys(&first), first.err.as_str()),
        (vec!["aws/lambda/a".to_owned()], "there are more: --after aws/lambda/a\n")
    );
    assert_eq!(
        keys(&machine.run("failures ls --after aws/lambda/a --json").await),
        ["aws/lambda/b"]
    );

    let shown = machine.run("failures show aws/lambda/a").await;
    let expected = "aws/lambda/a\ninvoicing-send-mail gave up at 2026-11-14T00:38:06.021Z, tried \
                    4 times: RetryAttemptsExhausted\nrecords: 4
  acme/invoicing/invoices/1  2\n  acme/invoicing/invoices/2  1\n  acme/invoicing/invoices/3  1\n";
    assert_eq!(shown.out, expected);
    let none = machine.run("failures show aws/lambda/c").await;
    assert_eq!((none.err.as_str(), none.code), ("error: there is no such batch\n", 1));
    assert_eq!(machine.door.take_records(), []);
}

#[tokio::test]
async fn it_is_put_back_where_it_came_from_and_forgotten() {
    let machine = machine().await;
    let dry = machine.run("failures replay --all --dry-run").await;
    assert_eq!(
        dry.out,
        "aws/lambda/a  records that would be put back: 4\naws/lambda/b  records that would be put \
         back: 1\n"
    );
    assert_eq!(
        (machine.door.take_records(), machine.door.keys().len()),
        (vec![], 2),
        "nothing was done"
    );
    let one = machine.run("failures replay aws/lambda/b --json").await;
    assert_eq!(one.out, "{\"key\":\"aws/lambda/b\",\"records\":1,\"dryRun\":false}\n");
    assert_eq!(machine.door.take_records(), records("external-users", &["7"]));
    assert_eq!(machine.run("failures replay aws/lambda/b").await.code, 1, "it is there no more");
    assert_eq!(machine.run("failures replay --all").await.code, 0);
    assert_eq!(
        (machine.door.take_records(), machine.door.keys()),
        (records("commits", &MAILS), vec![])
    );
    assert_eq!(machine.run("failures replay").await.code, 2, "which, it must be told");
}

/// It stays, for a person to look at, and holds up nothing else.
#[tokio::test]
async fn an_object_that_is_something_else_is_listed_and_stays_until_it_is_dropped() {
    let machine = machine().await;
    machine.door.put_object("aws/lambda/0", &json!({ "something": "else" }));
    let listed = machine.run("failures ls --json").await;
    assert_eq!(keys(&listed), ["aws/lambda/0", "aws/lambda/a", "aws/lambda/b"]);
    let first: Value = serde_json::from_str(listed.out.lines().next().unwrap()).unwrap();
    assert!(
        first["error"].as_str().unwrap().starts_with("not a batch that Lambda gave up"),
        "{first}"
    );
    // The gravest of what went wrong is the exit code, wherever it stands among the keys.
    let two = machine.run("failures replay aws/lambda/0 aws/lambda/nothing").await;
    assert_eq!((two.err.lines().count(), two.code), (2, 2), "{two:?}");
    for left in [["aws/lambda/0", "aws/lambda/b"].as_slice(), &["aws/lambda/0"]] {
        let answer = machine
            .run(if left.len() > 1 {
                "failures replay aws/lambda/0 aws/lambda/a"
            } else {
                "failures replay --all"
            })
            .await;
        assert!(
            answer.err.starts_with("error: aws/lambda/0: not a batch that Lambda gave up"),
            "{answer:?}"
        );
        assert_eq!(
            (answer.code, machine.door.keys().as_slice()),
            (2, left.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>().as_slice())
        );
    }
    assert_eq!(machine.run("failures drop aws/lambda/0 --dry-run").await.code, 0);
    assert_eq!(machine.door.keys(), ["aws/lambda/0"], "nothing was done");
    assert_eq!(machine.run("failures drop aws/lambda/0").await.out, "aws/lambda/0  is forgotten\n");
    assert_eq!(
        (machine.door.keys(), machine.run("failures drop aws/lambda/0").await.code),
        (Vec::<String>::new(), 1)
    );
}

/// Put back, it would come again as soon as its function has seen it.
#[tokio::test]
async fn a_record_that_its_function_refuses_is_put_back_only_by_name() {
    let machine = machine().await;
    let mut refused = given_up("identity-transform-external-users", "external-users", &["9"]);
    refused["requestContext"]["condition"] = "Refused: invalid-request: no tenant".into();
    machine.door.put_object("refused/identity-transform-external-users/1", &refused);
    let listed = machine.run("failures ls").await;
    assert!(listed.out.contains("Refused: invalid-request: no tenant"), "{listed:?}");
    assert_eq!(machine.run("failures replay --all").await.code, 0);
    machine.door.take_records();
    assert_eq!(machine.door.keys(), ["refused/identity-transform-external-users/1"]);
    assert_eq!(
        machine.run("failures replay refused/identity-transform-external-users/1").await.code,
        0
    );
    assert_eq!(
        (machine.door.take_records(), machine.door.keys()),
        (records("external-users", &["9"]), vec![])
    );
}
