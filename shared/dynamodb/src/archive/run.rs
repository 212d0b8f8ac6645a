//! A run as it is stored.

use std::ops::Range;

use headwater::{Commit, StreamName};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::StoreError;

/// How hard zstd tries, of 22: its own default. More takes a multiple of the time for some percent.
const LEVEL: i32 = 3;

/// Commits of one stream that follow each other, and where the archive has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose they are.
    pub stream: StreamName,
    /// The number of the first commit's first event.
    pub first: u64,
    /// The number of the last commit's last event.
    pub last: u64,
    /// When the last commit was decided.
    pub until: Timestamp,
    /// The object that holds them.
    pub object: String,
    /// Where their frame begins in it, in bytes.
    pub offset: u64,
    /// How many bytes their frame has.
    pub length: u64,
    /// The SHA-256 of their lines, in hexadecimal digits.
    pub digest: String,
}

/// A run that is not in an object yet.
pub(crate) struct Frame {
    /// The bytes that an object gets.
    pub(crate) bytes: Vec<u8>,
    /// The SHA-256 of the lines.
    pub(crate) digest: String,
    /// How many bytes the lines have.
    pub(crate) lines: usize,
}

impl Frame {
    /// Packs commits, each without its snapshot.
    pub(crate) fn pack(commits: &[Commit]) -> Result<Self, StoreError> {
        let mut lines = Vec::new();
        for commit in commits {
            let commit = Commit { snapshot: None, ..commit.clone() };
            serde_json::to_writer(&mut lines, &commit)?;
            lines.push(b'\n');
        }
        let bytes = zstd::bulk::compress(&lines, LEVEL)
            .map_err(|error| StoreError::Refused(format!("zstd: {error}")))?;
        Ok(Self { bytes, digest: digest(&lines), lines: lines.len() })
    }
}

impl Run {
    /// The bytes of its frame in the object.
    pub(crate) fn bytes(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.length)
    }

    /// Unpacks its frame.
    pub(crate) fn decode(&self, frame: &[u8]) -> Result<Vec<Commit>, StoreError> {
        if frame.is_empty() {
            return Err(self.damaged(&"it is not there"));
        }
        let mut lines = Vec::new();
        zstd::stream::copy_decode(frame, &mut lines).map_err(|error| self.damaged(&error))?;
        if digest(&lines) != self.digest {
            return Err(self.damaged(&"its digest is another"));
        }
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let commits: Vec<Commit> = lines
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()
            .map_err(|error| self.damaged(&error))?;
        let mut next = self.first;
        for commit in &commits {
            if commit.stream != self.stream || commit.first != next || commit.events.is_empty() {
                return Err(self.damaged(&format!("it lacks the event {next}")));
            }
            next = commit.last() + 1;
        }
        if next != self.last + 1 {
            return Err(self.damaged(&format!("it lacks the event {next}")));
        }
        Ok(commits)
    }

    /// That it is not what was written.
    pub(crate) fn damaged(&self, why: &dyn std::fmt::Display) -> StoreError {
        StoreError::Archive {
            stream: self.stream.clone(),
            first: self.first,
            object: self.object.clone(),
            why: why.to_string(),
        }
    }
}

fn digest(lines: &[u8]) -> String {
    Sha256::digest(lines).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use headwater::{Metadata, RecordedEvent};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn commits() -> Vec<Commit> {
        let commit = |first: u64, count: u64| Commit {
            stream: StreamName::new("acme", "shop", "tills", "7").unwrap(),
            first,
            at: Timestamp::from_second(first as i64).unwrap(),
            metadata: Metadata {
                commit_id: Uuid::nil(),
                command: "Pay".into(),
                actor: "ada".into(),
                correlation_id: "c".into(),
                causation_id: None,
                traceparent: None,
                reason: None,
            },
            events: (first..first + count)
                .map(|number| RecordedEvent {
                    number,
                    event_type: "Paid".into(),
                    version: 1,
                    data: json!({ "coin": number, "note": "a\nb" }),
                })
                .collect(),
            snapshot: None,
        };
        vec![commit(1, 2), commit(3, 1), commit(4, 3)]
    }

    fn run(frame: &Frame) -> Run {
        Run {
            stream: StreamName::new("acme", "shop", "tills", "7").unwrap(),
            first: 1,
            last: 6,
            until: Timestamp::from_second(4).unwrap(),
            object: "o".into(),
            offset: 10,
            length: frame.bytes.len() as u64,
            digest: frame.digest.clone(),
        }
    }

    #[test]
    fn what_was_packed_is_unpacked_without_its_snapshots() {
        let mut packed = commits();
        let snapshot = headwater::Snapshot { revision: 1, state: json!({ "cents": 7 }) };
        packed[1].snapshot = Some(snapshot);
        let frame = Frame::pack(&packed).unwrap();
        assert_eq!(run(&frame).decode(&frame.bytes).unwrap(), commits());
    }

    #[test]
    fn whatever_was_changed_is_an_error() {
        let frame = Frame::pack(&commits()).unwrap();
        let run = run(&frame);
        let error = |run: &Run, bytes: &[u8]| match run.decode(bytes) {
            Err(StoreError::Archive { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        for place in 0..frame.bytes.len() {
            let mut bytes = frame.bytes.clone();
            bytes[place] ^= 1;
            // A bit of the frame that means nothing may be another.
            if let Ok(found) = run.decode(&bytes) {
                assert_eq!(found, commits());
            }
        }
        error(&run, &frame.bytes[..frame.bytes.len() - 1]);
        assert_eq!(error(&run, &[]), "it is not there");
        let longer = Run { last: 7, ..run.clone() };
        assert_eq!(error(&longer, &frame.bytes), "it lacks the event 7");
        let later = Run { first: 2, ..run.clone() };
        assert_eq!(error(&later, &frame.bytes), "it lacks the event 2");
        let other = Run { stream: StreamName::new("acme", "shop", "tills", "8").unwrap(), ..run };
        assert_eq!(error(&other, &frame.bytes), "it lacks the event 1");
    }
}
