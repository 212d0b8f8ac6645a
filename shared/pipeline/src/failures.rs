use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_lambda_events::kinesis::KinesisEventRecord;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use headwater_kinesis::Publisher;
use jiff::Timestamp;

use crate::failure::refused_record;
use crate::{Failure, Target, UnreadableFailure};

/// How long one attempt of a call of S3 may take. One that hangs must not take the time of all
/// others.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the keys of the batches begin that Lambda puts there.
const GIVEN_UP: &str = "aws/lambda/";

/// How the keys of the records begin that functions refused.
const REFUSED: &str = "refused/";

/// Where what functions behind streams gave up lies: the failures bucket, a batch an object, whole.
///
/// ```no_run
/// use headwater_pipeline::{Failures, FailuresError};
///
/// # async fn test() -> Result<(), FailuresError> {
/// let failures = Failures::connect("failures").await;
/// for stored in failures.page(None, 100).await? {
///     println!("{} {}", stored.at, stored.key);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Failures {
    s3: Client,
    bucket: String,
}

/// An object of the bucket, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    /// Its key.
    pub key: String,
    /// When it was written.
    pub at: Timestamp,
}

/// What an object is by its key.
///
/// ```
/// use headwater_pipeline::Kind;
///
/// assert_eq!(Kind::of("aws/lambda/shop-project/shardId-0/1"), Kind::GivenUp);
/// assert_eq!(Kind::of("refused/shop-scan/49590"), Kind::Refused);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A batch that Lambda put there.
    GivenUp,
    /// Any other object. If it reads as a batch, it is put back like one.
    Foreign,
    /// A record that its function refuses for good: put back it would be refused again, so a person
    /// has to say so.
    Refused,
}

impl Kind {
    /// What the object of this key is.
    pub fn of(key: &str) -> Self {
        match key {
            key if key.starts_with(GIVEN_UP) => Self::GivenUp,
            key if key.starts_with(REFUSED) => Self::Refused,
            _ => Self::Foreign,
        }
    }
}

impl Stored {
    /// What it is by its key.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.key)
    }
}

/// Why a batch that was given up could not be had, or put back.
#[derive(Debug, thiserror::Error)]
pub enum FailuresError {
    /// There is no such object, any more.
    #[error("there is no such batch")]
    Absent,
    /// S3 did not do it.
    #[error("the failures bucket: {0}")]
    Bucket(String),
    /// The object is not what Lambda writes.
    #[error(transparent)]
    Unreadable(#[from] UnreadableFailure),
    /// The stream that records are to be put on is not known here.
    #[error("{0}")]
    NoStream(String),
    /// The stream did not take all of the records; some it may have taken.
    #[error("{failed} of {count} records were not taken by {stream}")]
    NotTaken {
        /// How many it did not take.
        failed: usize,
        /// Of how many.
        count: usize,
        /// Its name.
        stream: String,
    },
}

impl Failures {
    /// The failures in the bucket of this name.
    pub fn new(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self { s3: Client::new(config), bucket: bucket.into() }
    }

    /// The failures in the bucket of this name, for a function: region and credentials are those of
    /// its environment.
    pub async fn connect(bucket: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
        Self::new(
            &aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await,
            bucket,
        )
    }

    /// The objects whose keys come after a key, in order of key: at most `limit`, and at most
    /// 1,000.
    ///
    /// # Errors
    /// [`FailuresError::Bucket`].
    pub async fn page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, FailuresError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let request = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .set_start_after(after.map(str::to_owned))
            .max_keys(limit);
        let listed = request.send().await.map_err(refused)?;
        let stored = listed.contents().iter().filter_map(|object| {
            let written =
                object.last_modified().and_then(|time| Timestamp::from_second(time.secs()).ok());
            Some(Stored {
                key: object.key()?.to_owned(),
                at: written.unwrap_or(Timestamp::UNIX_EPOCH),
            })
        });
        Ok(stored.collect())
    }

    /// Keeps a record that a function refuses for good, with the reason, where a person finds it.
    /// The same record is kept once, and waits since it arrived.
    ///
    /// # Errors
    /// [`FailuresError::Bucket`]; then it is not kept.
    pub async fn keep_refused(
        &self,
        function: &str,
        record: &KinesisEventRecord,
        why: &str,
    ) -> Result<(), FailuresError> {
        let key = format!("{REFUSED}{function}/{}", record.kinesis.sequence_number);
        let object = refused_record(function, record, why)
            .map_err(|error| FailuresError::Bucket(error.to_string()))?;
        self.s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(object.into())
            .send()
            .await
            .map_err(refused)?;
        Ok(())
    }

    /// Deletes an object, whatever it is.
    ///
    /// # Errors
    /// [`FailuresError::Absent`] if there is none.
    pub async fn delete(&self, key: &str) -> Result<(), FailuresError> {
        self.s3.get_object().bucket(&self.bucket).key(key).send().await.map_err(refused)?;
        self.s3.delete_object().bucket(&self.bucket).key(key).send().await.map_err(refused)?;
        Ok(())
    }

    /// A batch.
    ///
    /// # Errors
    /// [`FailuresError`].
    pub async fn get(&self, key: &str) -> Result<Failure, FailuresError> {
        let object =
            self.s3.get_object().bucket(&self.bucket).key(key).send().await.map_err(refused)?;
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| FailuresError::Bucket(error.to_string()))?;
        Ok(Failure::read(&body.into_bytes())?)
    }

    /// Puts a batch's records back on their streams (those of the DynamoDB stream as the relay
    /// would have put them), then deletes it. Every consumer takes duplicates, so a crash in
    /// between does no harm, nor does somebody who does the same.
    ///
    /// # Errors
    /// [`FailuresError`]; then the batch is still there.
    pub async fn replay(
        &self,
        key: &str,
        publisher: impl Fn(&Target) -> Result<Publisher, String>,
    ) -> Result<Failure, FailuresError> {
        let failure = self.get(key).await?;
        for (target, records) in &failure.records {
            let publisher = publisher(target).map_err(FailuresError::NoStream)?;
            let failed = publisher.publish(records).await.len();
            if failed > 0 {
                return Err(FailuresError::NotTaken {
                    failed,
                    count: records.len(),
                    stream: publisher.stream().to_owned(),
                });
            }
        }
        self.s3.delete_object().bucket(&self.bucket).key(key).send().await.map_err(refused)?;
        Ok(failure)
    }
}

fn refused<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(
    error: SdkError<E>,
) -> FailuresError {
    match error.code() {
        Some("NoSuchKey") => FailuresError::Absent,
        _ => FailuresError::Bucket(DisplayErrorContext(error).to_string()),
    }
}
