use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Snapshot, StreamName};

/// The events that one command appended to one stream, atomically: one item of the events table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The stream it belongs to.
    pub stream: StreamName,
    /// The number of its first event; with the stream, the item's key.
    pub first: u64,
    /// When it was decided: to the millisecond, never before the stream's previous commit.
    pub at: Timestamp,
    /// Who wrote it, and why.
    pub metadata: Metadata,
    /// The events, numbered from `first` without gaps. Never empty.
    pub events: Vec<RecordedEvent>,
    /// In some commits, the state after this commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
}

impl Commit {
    /// Whether it holds an event of this type.
    pub fn has(&self, event_type: &str) -> bool {
        self.events.iter().any(|event| event.event_type == event_type)
    }

    /// The number of its last event: the stream's version after this commit. Unspecified for
    /// malformed commits (without events, or with numbers beyond `u64`), which a stream's record
    /// may hold; never panics.
    pub fn last(&self) -> u64 {
        self.first.saturating_add(self.events.len() as u64).saturating_sub(1)
    }
}

/// One stored event: a fact, numbered 1, 2, 3… in its stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// Its number in the stream.
    pub number: u64,
    /// Its type, as `UserNameSet`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The schema version of `data`, from 1.
    pub version: u32,
    /// What happened, as an object.
    pub data: Value,
}

/// The [`Metadata::command`] of an amendment: a person has appended its events, to correct a state
/// that no command can reach.
pub const AMEND: &str = "Amend";

/// Who wrote a commit, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// One attempt to append has one id. By it a writer recognises its own commit after a lost
    /// reply.
    pub commit_id: Uuid,
    /// The command's name, as `RenameUser`.
    pub command: String,
    /// The subject of the caller's token.
    pub actor: String,
    /// The same for everything that one request from outside led to.
    pub correlation_id: String,
    /// What directly caused the command: a request's or an event's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The W3C trace context of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Why, in the words of the person who [amended](crate::AMEND) the stream. Commands have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_commit_has_a_last_event_too() {
        let metadata =
            json!({ "commitId": Uuid::nil(), "command": "C", "actor": "a", "correlationId": "c" });
        let event = json!({ "number": 1, "type": "A", "version": 1, "data": {} });
        for (first, events, last) in [
            (0, json!([]), 0),
            (1, json!([event]), 1),
            (u64::MAX, json!([event, event]), u64::MAX - 1),
        ] {
            let commit = json!({
                "stream": "a/b/c/d",
                "first": first,
                "at": "2026-01-01T00:00:00Z",
                "metadata": metadata,
                "events": events,
            });
            assert_eq!(serde_json::from_value::<Commit>(commit).unwrap().last(), last);
        }
    }
}
