//! How this crate talks to DynamoDB: one request at a time, until it has a definite answer.
//!
//! Read in this order:
//!
//! 1. `client`: the SDK's client, without the SDK's retries;
//! 2. `retry`: what a failed request tells about its effect, and the one retry policy there is;
//! 3. `cancelled`: what the reasons of a cancelled transaction say;
//! 4. `meter`: what requests cost.
//!
//! This room knows no table and no commit. All others send their requests through a [`Connection`].

mod cancelled;
mod client;
mod meter;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use tokio::time::Instant;

pub(crate) use self::cancelled::{
    Cancelled, fault_of, is_conflict, is_failed_condition, is_unmet, transaction_fault,
};
pub use self::client::{connect, warm_up};
use self::meter::Meter;
pub use self::meter::Usage;
pub(crate) use self::retry::{Backoff, Failed, Fault, fault};

/// How long a call without a deadline may take by default.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client with its deadline and its counters. Cheap to clone; clones share the counters.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    meter: Arc<Meter>,
    deadline: Option<Instant>,
    patience: Duration,
}

impl Connection {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, meter: Arc::default(), deadline: None, patience: PATIENCE }
    }

    /// The same connection for one request from outside: its calls give up at `deadline`.
    pub(crate) fn within(&self, deadline: std::time::Instant) -> Self {
        Self { deadline: Some(deadline.into()), ..self.clone() }
    }

    /// The same connection, where each call has this long if there is no deadline.
    pub(crate) fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// When a call that begins now gives up.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + self.patience)
    }

    /// Sends a request until it has a definite answer, as [`retry::settle`] does.
    ///
    /// # Errors
    /// [`Failed`].
    // No `async fn`: one more future around each request makes those of handlers too deep for the
    // compiler.
    pub(crate) fn settle<T, E, F>(
        &self,
        classify: impl Fn(&SdkError<E>) -> Fault,
        send: impl Fn() -> F,
    ) -> impl Future<Output = Result<T, Failed<E>>>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        retry::settle(&self.meter, self.deadline(), classify, send)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_have_until_the_deadline_or_else_as_long_as_the_connection_is_patient() {
        let client = Client::from_conf(
            Config::builder().behavior_version(BehaviorVersion::latest()).build(),
        );
        let connection = Connection::new(client);
        let now = Instant::now();
        assert_eq!(connection.deadline(), now + PATIENCE);
        let patient = connection.patient(Duration::from_secs(60));
        assert_eq!(patient.deadline(), now + Duration::from_secs(60));
        let deadline = now + Duration::from_secs(2);
        assert_eq!(patient.within(deadline.into_std()).deadline(), deadline);
    }
}
