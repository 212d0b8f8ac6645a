use aws_lambda_events::dynamodb::EventRecord;
use headwater::{Commit, StreamName, UniqueKey};
use headwater_dynamodb::{CommitItem, EventStore, StoreError};
use headwater_kinesis::{CommitRecord, Record};

/// Tampering: an item of the events table was changed or removed, or is no commit.
#[derive(Debug, thiserror::Error)]
#[error("{event} of {keys}: {reason}")]
pub struct Tampering {
    /// What was done: `INSERT`, `MODIFY` or `REMOVE`.
    pub event: String,
    /// The key of the item, as JSON.
    pub keys: String,
    /// What is wrong.
    pub reason: String,
    /// The stream and the number of the commit that was removed, if one was.
    removed: Option<(StreamName, u64)>,
}

impl Tampering {
    /// Whether it is none: the archiver removes what the archive has.
    ///
    /// # Errors
    /// [`StoreError`] if the archive's table does not answer.
    pub async fn was_archived(&self, store: &EventStore) -> Result<bool, StoreError> {
        match &self.removed {
            Some((stream, first)) => store.is_archived(stream, *first).await,
            None => Ok(false),
        }
    }
}

/// What is to be put on the commits stream for a record of the events table's DynamoDB stream;
/// nothing where nothing was written, or where it concerns the table alone.
///
/// ```
/// use aws_lambda_events::dynamodb::EventRecord;
/// use headwater_pipeline::relayed;
///
/// let removed: EventRecord = serde_json::from_value(serde_json::json!({
///     "awsRegion": "eu-west-1", "eventID": "1", "eventName": "REMOVE",
///     "eventSource": "aws:dynamodb", "eventVersion": "1.1",
///     "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/events/stream/1",
///     "dynamodb": {
///         "ApproximateCreationDateTime": 1.0,
///         "Keys": { "stream": { "S": "acme/shop/tills/front" }, "seq": { "N": "1" } },
///         "OldImage": { "stream": { "S": "acme/shop/tills/front" }, "seq": { "N": "1" } },
///         "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES"
///     }
/// }))?;
/// let tampering = relayed(&removed).unwrap_err();
/// assert!(tampering.to_string().starts_with("REMOVE of"));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// [`Tampering`]: items of the events table are commits, and are never changed.
pub fn relayed(record: &EventRecord) -> Result<Option<Record>, Tampering> {
    let change = &record.change;
    let tampering = |reason: String| Tampering {
        event: record.event_name.clone(),
        keys: serde_json::to_string(&change.keys).unwrap_or_default(),
        reason,
        removed: None,
    };
    if record.event_name == "INSERT" {
        return encode(record).map_err(tampering);
    }
    // A write that changes nothing emits no record on AWS, but a local emulator may send one.
    if change.new_image == change.old_image {
        Ok(None)
    } else if record.event_name == "REMOVE" {
        let removed = removed(record);
        Err(Tampering { removed, ..tampering("an item was removed".to_owned()) })
    } else {
        Err(tampering("an item was changed".to_owned()))
    }
}

/// Which commit was removed.
fn removed(record: &EventRecord) -> Option<(StreamName, u64)> {
    let item: CommitItem = serde_dynamo::from_item(record.change.old_image.clone()).ok()?;
    let commit = Commit::try_from(item).ok()?;
    Some((commit.stream, commit.first))
}

/// Nothing for the fingerprint of the unique key, which is the table's own affair.
fn encode(record: &EventRecord) -> Result<Option<Record>, String> {
    let item: CommitItem = serde_dynamo::from_item(record.change.new_image.clone())
        .map_err(|error| error.to_string())?;
    let commit = Commit::try_from(item).map_err(|error| error.to_string())?;
    if commit.stream.as_str() == UniqueKey::STREAM {
        return Ok(None);
    }
    CommitRecord::encode(commit).map(Some).map_err(|error| error.to_string())
}
