use headwater::{Commit, StreamName};
use serde::{Deserialize, Serialize};

use crate::{LARGEST_RECORD, Record};

/// A record on the commits stream, as JSON under the stream's name as partition key. For a
/// projector it is a doorbell, "stream S reached n"; the commit is along so that it need not be
/// read, unless it is too large for a record.
///
/// ```
/// use headwater_kinesis::CommitRecord;
///
/// let record = CommitRecord::doorbell("acme/shop/tills/front".parse()?, 7)?;
/// assert_eq!(record.key, "acme/shop/tills/front");
/// let read: CommitRecord = serde_json::from_slice(&record.data)?;
/// assert_eq!((read.last, read.commit), (7, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// Which stream.
    pub stream: StreamName,
    /// The number of the commit's last event.
    pub last: u64,
    /// The commit, without its snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
}

impl CommitRecord {
    /// The record of a commit, keyed by its stream: whole if it fits, else the bare doorbell.
    ///
    /// # Errors
    /// If the commit cannot be serialized, which its type rules out.
    pub fn encode(mut commit: Commit) -> Result<Record, serde_json::Error> {
        commit.snapshot = None;
        let (stream, last) = (commit.stream.clone(), commit.last());
        let key = stream.to_string();
        let whole =
            serde_json::to_vec(&Self { stream: stream.clone(), last, commit: Some(commit) })?;
        if whole.len() + key.len() <= LARGEST_RECORD {
            return Ok(Record { key, data: whole });
        }
        Self::doorbell(stream, last)
    }

    /// The record that only says how far a stream has got, keyed by it.
    ///
    /// # Errors
    /// If it cannot be serialized, which its type rules out.
    pub fn doorbell(stream: StreamName, last: u64) -> Result<Record, serde_json::Error> {
        let key = stream.to_string();
        Ok(Record { key, data: serde_json::to_vec(&Self { stream, last, commit: None })? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater::Snapshot;

    fn commit(text: &str) -> Commit {
        serde_json::from_value(serde_json::json!({
            "stream": "acme/identity/users/1", "first": 3, "at": "2026-11-21T10:00:00Z",
            "metadata": {
                "commitId": "01936f0e-0000-7000-8000-000000000000", "command": "PatchUser",
                "actor": "ada", "correlationId": "c",
            },
            "events": [
                { "number": 3, "type": "A", "version": 1, "data": { "text": text } },
                { "number": 4, "type": "A", "version": 1, "data": {} },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_record_carries_the_commit_without_its_snapshot() {
        let plain = commit("x");
        let carrier = Commit {
            snapshot: Some(Snapshot { revision: 1, state: serde_json::json!({}) }),
            ..plain.clone()
        };
        let record: CommitRecord =
            serde_json::from_slice(&CommitRecord::encode(carrier).unwrap().data).unwrap();
        assert_eq!(
            record,
            CommitRecord { stream: plain.stream.clone(), last: 4, commit: Some(plain) }
        );
    }

    #[test]
    fn a_commit_too_large_for_a_record_goes_as_a_doorbell() {
        let record: CommitRecord = serde_json::from_slice(
            &CommitRecord::encode(commit(&"x".repeat(LARGEST_RECORD))).unwrap().data,
        )
        .unwrap();
        assert_eq!((record.last, record.commit), (4, None));
    }

    #[test]
    fn a_doorbell_is_keyed_by_its_stream() {
        let stream: StreamName = "acme/identity/users/1".parse().unwrap();
        let Record { key, data } = CommitRecord::doorbell(stream.clone(), 7).unwrap();
        assert_eq!(key, stream.as_str());
        assert_eq!(
            serde_json::from_slice::<CommitRecord>(&data).unwrap(),
            CommitRecord { stream, last: 7, commit: None }
        );
    }
}
