//! The one retry policy: the identical request again, with full jitter, until it has a definite
//! answer or the deadline has come.

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::error::{
    ConnectorError, DisplayErrorContext, ProvideErrorMetadata, SdkError,
};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::meter::Meter;
use crate::StoreError;

/// The first wait is at most this long; each further one may be twice as long.
const SHORTEST: Duration = Duration::from_millis(20);

/// No wait is longer.
const LONGEST: Duration = Duration::from_millis(500);

/// An attempt that is begun with less time left would sooner leave its outcome open than settle
/// anything.
const LEAST: Duration = Duration::from_millis(50);

/// What a failed request tells about its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A definite no: the same request will not fare better.
    Refused,
    /// Not done, for want of capacity or of time.
    Unserved,
    /// Not done, because a transaction is at work on the same item.
    Contended,
    /// The outcome is unknown: no reply, or one without meaning.
    Unknown,
}

/// A request that got no good answer.
#[derive(Debug)]
pub(crate) struct Failed<E> {
    /// What the last attempt came to.
    pub(crate) fault: Fault,
    /// Whether any attempt, not only the last, may have been done.
    pub(crate) uncertain: bool,
    /// The last attempt's error.
    pub(crate) error: SdkError<E>,
}

impl<E: Error + Send + Sync + 'static> Failed<E> {
    /// The error of a request that changes nothing.
    pub(crate) fn into_store_error(self) -> StoreError {
        let message = DisplayErrorContext(&self.error).to_string();
        if self.fault == Fault::Refused {
            StoreError::Refused(message)
        } else {
            StoreError::Unavailable(message)
        }
    }
}

/// Tells what an error says about the effect of its request.
pub(crate) fn fault<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Fault {
    match error {
        SdkError::ConstructionFailure(_) => Fault::Refused,
        SdkError::DispatchFailure(failure)
            if failure.as_connector_error().is_some_and(never_connected) =>
        {
            Fault::Unserved
        }
        SdkError::ServiceError(service) => {
            fault_of(service.err().code().unwrap_or_default(), service.raw().status().as_u16())
        }
        _ => Fault::Unknown,
    }
}

/// Whether not even a connection was made, so that nothing can have been done. The SDK does not
/// tell, but the error below it does.
fn never_connected(error: &ConnectorError) -> bool {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.any(|cause| {
        cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(|error| error.is_connect())
    })
}

fn fault_of(code: &str, status: u16) -> Fault {
    match code {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded" => Fault::Unserved,
        "TransactionConflictException" => Fault::Contended,
        // Our own earlier attempt is still at work.
        "TransactionInProgressException" => Fault::Unknown,
        _ if status >= 500 => Fault::Unknown,
        _ => Fault::Refused,
    }
}

/// When to give up, and how long to wait before that.
pub(crate) struct Backoff {
    deadline: Instant,
    tries: u32,
}

impl Backoff {
    pub(crate) fn until(deadline: Instant) -> Self {
        Self { deadline, tries: 0 }
    }

    /// Waits for a random time, longer from one time to the next. `false`: the deadline would come
    /// first.
    pub(crate) async fn wait(&mut self) -> bool {
        let most = LONGEST.min(SHORTEST * 2_u32.saturating_pow(self.tries));
        self.tries += 1;
        let until = Instant::now() + most.mul_f64(fastrand::f64());
        if until + LEAST > self.deadline {
            return false;
        }
        sleep_until(until).await;
        true
    }
}

/// Sends a request until it has a definite answer. `send` must make the identical request each
/// time.
///
/// # Errors
/// [`Failed`] with [`Fault::Refused`] for a definite no, with another fault if the deadline came
/// first.
pub(crate) async fn settle<T, E, F>(
    meter: &Meter,
    deadline: Instant,
    classify: impl Fn(&SdkError<E>) -> Fault,
    send: impl Fn() -> F,
) -> Result<T, Failed<E>>
where
    F: Future<Output = Result<T, SdkError<E>>>,
{
    let mut backoff = Backoff::until(deadline);
    let mut uncertain = false;
    if Instant::now() + LEAST > deadline {
        return Err(Failed {
            fault: Fault::Unserved,
            uncertain,
            error: SdkError::timeout_error("no time was left"),
        });
    }
    loop {
        meter.call();
        let error = match timeout_at(deadline, send()).await {
            Ok(Ok(output)) => return Ok(output),
            Ok(Err(error)) => error,
            Err(elapsed) => SdkError::timeout_error(elapsed),
        };
        let fault = classify(&error);
        if fault == Fault::Refused {
            return Err(Failed { fault, uncertain, error });
        }
        uncertain |= fault == Fault::Unknown;
        tracing::warn!(?fault, "request to be repeated");
        if !backoff.wait().await {
            return Err(Failed { fault, uncertain, error });
        }
        meter.retry();
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::put_item::PutItemError;

    use super::*;

    #[test]
    fn each_failure_tells_its_effect() {
        for (code, status, expected) in [
            ("ProvisionedThroughputExceededException", 400, Fault::Unserved),
            ("ThrottlingException", 400, Fault::Unserved),
            ("RequestLimitExceeded", 400, Fault::Unserved),
            ("TransactionConflictException", 400, Fault::Contended),
            ("TransactionInProgressException", 400, Fault::Unknown),
            ("InternalServerError", 500, Fault::Unknown),
            ("", 503, Fault::Unknown),
            ("ConditionalCheckFailedException", 400, Fault::Refused),
            ("AccessDeniedException", 400, Fault::Refused),
            ("ResourceNotFoundException", 400, Fault::Refused),
            ("ValidationException", 400, Fault::Refused),
        ] {
            assert_eq!(fault_of(code, status), expected, "{code} {status}");
        }
    }

    #[test]
    fn a_request_that_cannot_be_made_is_not_made_again() {
        assert_eq!(
            fault(&SdkError::<PutItemError>::construction_failure("a field is missing")),
            Fault::Refused
        );
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_up_to_a_limit() {
        let mut backoff = Backoff::until(Instant::now() + Duration::from_secs(60));
        while backoff.wait().await {}
        // A quarter of a second each, in the mean.
        assert!((150..400).contains(&backoff.tries), "{}", backoff.tries);
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_is_begun_without_time_for_it() {
        let deadline = Instant::now() + LEAST + Duration::from_millis(100);
        let mut backoff = Backoff::until(deadline);
        while backoff.wait().await {
            assert!(backoff.tries < 1_000);
        }
        assert!(Instant::now() < deadline);
        assert!(!Backoff::until(Instant::now() + LEAST / 2).wait().await);
    }
}
