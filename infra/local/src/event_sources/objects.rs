//! S3, as the event source mappings need it: to keep what was given up.

use crate::aws::{AUTHORIZATION, CallError, client};

/// The S3 that keeps what was given up.
#[derive(Debug, Clone)]
pub(super) struct ObjectStore {
    http: reqwest::Client,
    endpoint: String,
}

impl ObjectStore {
    pub(super) fn new(endpoint: &str) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, endpoint: endpoint.to_owned() })
    }

    /// Writes an object.
    pub(super) async fn put(&self, bucket: &str, key: &str, body: String) -> Result<(), CallError> {
        let request = self
            .http
            .put(format!("{}/{bucket}/{key}", self.endpoint))
            .header("content-type", "application/json")
            .header("authorization", AUTHORIZATION);
        request.body(body).send().await?.error_for_status()?;
        Ok(())
    }
}
