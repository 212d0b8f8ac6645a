//! Calls to DynamoDB and Kinesis in their JSON protocol, for what the platform itself has to set up there.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What the platform shows instead of a signature. The emulators want to see one and check nothing; one key for all callers
/// keeps them in one account where a server tells accounts by it.
pub(crate) const AUTHORIZATION: &str =
    "AWS4-HMAC-SHA256 Credential=headwater/20200101/us-east-1/local/aws4_request, SignedHeaders=host, Signature=0";

/// One of the two services.
pub(super) struct Service<'a> {
    /// The URL of the server.
    pub(super) endpoint: &'a str,
    /// The API's name and version, which stands before every operation.
    pub(super) api: &'static str,
    /// The version of the JSON protocol.
    pub(super) content_type: &'static str,
}

impl Service<'_> {
    /// Calls an operation.
    ///
    /// # Errors
    /// When the server doesn't answer, or refuses; then the error holds the service's own words.
    pub(super) async fn call(&self, operation: &str, input: &Value) -> Result<Value> {
        let response = client()?
            .post(self.endpoint)
            .header("content-type", self.content_type)
            .header("x-amz-target", format!("{}.{operation}", self.api))
            .header("x-amz-date", "20200101T000000Z")
            .header("authorization", AUTHORIZATION)
            .body(input.to_string())
            .send()
            .await
            .with_context(|| format!("{} doesn't answer", self.endpoint))?;
        let refused = !response.status().is_success();
        let output = response.bytes().await?;
        if refused {
            bail!("{operation}: {}", String::from_utf8_lossy(&output));
        }
        // Operations without a result answer with an empty body.
        Ok(serde_json::from_slice(&output).unwrap_or_default())
    }

    /// As [`Self::call`], for making something that may be there already.
    pub(super) async fn create(&self, operation: &str, input: &Value) -> Result<()> {
        match self.call(operation, input).await {
            Err(error) if !error.to_string().contains("ResourceInUseException") => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks until the answer has `ACTIVE` at `status` (a JSON pointer): what was just made can't be used before.
    pub(super) async fn wait_until_active(&self, operation: &str, input: &Value, status: &str) -> Result<()> {
        // Twenty seconds: AWS takes some; the embedded servers need no more than a scheduler's tick.
        for _ in 0..1000 {
            if self.call(operation, input).await?.pointer(status).is_some_and(|status| status == "ACTIVE") {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("it did not become active")
    }
}

/// A client that goes straight to loopback, whatever proxy the environment names.
pub(crate) fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}
