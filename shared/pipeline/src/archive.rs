//! The archive's objects in S3.

use std::ops::Range;
use std::sync::OnceLock;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use futures::FutureExt;
use futures::future::BoxFuture;
use headwater_dynamodb::{Objects, StoreError};

/// The bucket of the archive's objects. Objects are written once, and never changed or deleted.
///
/// ```
/// use std::sync::Arc;
///
/// use aws_config::SdkConfig;
/// use headwater_dynamodb::Archive;
/// use headwater_pipeline::ArchiveBucket;
///
/// fn archive(config: &SdkConfig) -> Archive {
///     Archive::new("archive", Arc::new(ArchiveBucket::new(config, "acme-archive")))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ArchiveBucket {
    config: SdkConfig,
    /// Made when it is needed first: most processes never read the archive.
    client: OnceLock<Client>,
    bucket: String,
}

impl ArchiveBucket {
    /// The bucket of this name. It asks nothing of S3 yet.
    pub fn new(config: &SdkConfig, bucket: impl Into<String>) -> Self {
        Self { config: config.clone(), client: OnceLock::new(), bucket: bucket.into() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(&self.config))
    }
}

impl Objects for ArchiveBucket {
    fn put<'a>(&'a self, name: &'a str, body: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        let put = self.client().put_object().bucket(&self.bucket).key(name).body(body.into());
        async move { put.send().await.map(|_| ()).map_err(failed) }.boxed()
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        bytes: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        // The last byte is one of those that are wanted.
        let range = format!("bytes={}-{}", bytes.start, bytes.end.saturating_sub(1));
        let get = self.client().get_object().bucket(&self.bucket).key(name).range(range);
        async move {
            let object = match get.send().await {
                Ok(object) => object,
                // What is not there is told from what does not answer: it was lost.
                Err(error) if matches!(error.code(), Some("NoSuchKey" | "InvalidRange")) => {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(failed(error)),
            };
            let body = object.body.collect().await;
            body.map(|body| body.to_vec())
                .map_err(|error| StoreError::Unavailable(format!("the archive: {error}")))
        }
        .boxed()
    }
}

fn failed<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(
    error: SdkError<E>,
) -> StoreError {
    // What S3 says no to stays a no; anything else may pass.
    let is_refused = matches!(&error, SdkError::ServiceError(refused)
        if refused.raw().status().is_client_error() && error.code() != Some("SlowDown"));
    let what = format!("the archive: {}", DisplayErrorContext(error));
    if is_refused { StoreError::Refused(what) } else { StoreError::Unavailable(what) }
}
