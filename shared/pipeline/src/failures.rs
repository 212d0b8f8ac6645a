use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use headwater_kinesis::Publisher;

use crate::{Failure, Target, UnreadableFailure};

/// Where what functions behind streams gave up lies: the failures bucket, a batch an object, whole.
#[derive(Clone, Debug)]
pub struct Failures {
    s3: Client,
    bucket: String,
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

    /// The keys of the batches that come after a key, in order: at most `limit`, and at most 1,000.
    ///
    /// # Errors
    /// [`FailuresError::Bucket`].
    pub async fn keys(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, FailuresError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let request = self.s3.list_objects_v2().bucket(&self.bucket).set_start_after(after.map(str::to_owned)).max_keys(limit);
        let listed = request.send().await.map_err(refused)?;
        Ok(listed.contents().iter().filter_map(|object| object.key()).map(str::to_owned).collect())
    }

    /// A batch.
    ///
    /// # Errors
    /// [`FailuresError`].
    pub async fn get(&self, key: &str) -> Result<Failure, FailuresError> {
        let object = self.s3.get_object().bucket(&self.bucket).key(key).send().await.map_err(refused)?;
        let body = object.body.collect().await.map_err(|error| FailuresError::Bucket(error.to_string()))?;
        Ok(Failure::read(&body.into_bytes())?)
    }

    /// Puts a batch's records back on their streams (those of the DynamoDB stream as the relay would have put them), then deletes it. Every consumer takes
    /// duplicates, so a crash in between does no harm, nor does somebody who does the same.
    ///
    /// # Errors
    /// [`FailuresError`]; then the batch is still there.
    pub async fn replay(&self, key: &str, publisher: impl Fn(&Target) -> Result<Publisher, String>) -> Result<Failure, FailuresError> {
        let failure = self.get(key).await?;
        for (target, records) in &failure.records {
            let publisher = publisher(target).map_err(FailuresError::NoStream)?;
            let failed = publisher.publish(records).await.len();
            if failed > 0 {
                return Err(FailuresError::NotTaken { failed, count: records.len(), stream: publisher.stream().to_owned() });
            }
        }
        self.s3.delete_object().bucket(&self.bucket).key(key).send().await.map_err(refused)?;
        Ok(failure)
    }
}

fn refused<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(error: SdkError<E>) -> FailuresError {
    match error.code() {
        Some("NoSuchKey") => FailuresError::Absent,
        _ => FailuresError::Bucket(DisplayErrorContext(error).to_string()),
    }
}
