use std::convert::Infallible;

use headwater::{Commit, Form, replace_personal};
use serde_json::{Value, json};

/// What a value adds to an item, in bytes, where what is personal is sealed:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
///
/// ```
/// use headwater_testkit::bytes;
/// use serde_json::json;
///
/// assert_eq!(bytes(&json!({ "item": "tea" })), 3 + 1 + 4 + 3);
/// assert_eq!(bytes(&json!({ "$personal": "tea" })), 3 + 1 + 7 + 44);
/// ```
pub fn bytes(value: &Value) -> usize {
    let mut stored = value.clone();
    let Ok(()) = replace_personal(&mut stored, &mut |form| match form {
        Form::Open(value) if form.is_telling() => Ok::<_, Infallible>(Some(sealed(value))),
        Form::Open(value) => Ok(Some(value.clone())),
        Form::Sealed(_) | Form::Erased => Ok(None),
    });
    bytes_of(&stored)
}

/// As large as a personal value is once it is sealed: with a nonce and a tag, in base64.
fn sealed(value: &Value) -> Value {
    const NONCE_AND_TAG: usize = 12 + 16;
    let bytes = NONCE_AND_TAG + value.to_string().len();
    Form::sealed("=".repeat(bytes.div_ceil(3) * 4))
}

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => 1 + number.to_string().trim_end_matches('0').len().div_ceil(2),
        Value::String(text) => text.len(),
        Value::Array(values) => 3 + values.iter().map(|value| 1 + bytes_of(value)).sum::<usize>(),
        Value::Object(fields) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + bytes_of(value)).sum::<usize>()
        }
    }
}

/// A commit as the events table holds it, with a trace context, in bytes.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// use headwater::StreamName;
/// use headwater_testkit::{commit_bytes, commits};
///
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// let coin = commits(&till, [vec![TillEvent::CoinAdded { cents: 50 }]]);
/// // One write unit takes 1 KB.
/// assert!(commit_bytes(&coin[0]) <= 1024);
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
pub fn commit_bytes(commit: &Commit) -> usize {
    let events: Vec<Value> = commit
        .events
        .iter()
        .map(|event| json!({ "t": event.event_type, "d": event.data }))
        .collect();
    let metadata = &commit.metadata;
    let trace = "-".repeat(55);
    let metadata = json!({
        "i": metadata.commit_id,
        "c": metadata.command,
        "a": metadata.actor,
        "r": metadata.correlation_id,
        "p": trace,
    });
    bytes(&json!({
        "stream": commit.stream, "seq": commit.first, "n": commit.events.len(),
        "at": commit.at.as_millisecond(), "e": events, "m": metadata,
    }))
}
