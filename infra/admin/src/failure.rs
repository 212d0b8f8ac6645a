use std::io;

use headwater_dynamodb::StoreError;
use headwater_pipeline::FailuresError;
use headwater_services::NoPastState;

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for is not there.
    NotFound(String),
    /// It could not be done.
    Trouble(anyhow::Error),
    /// Of many things some went wrong. They were reported at once; this is the gravest one's exit
    /// code.
    Told(u8),
    /// Whoever read the answer wants no more of it, as `head` does.
    Closed,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Trouble(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Trouble(error.into())
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let advice = match &error {
            StoreError::Unavailable(_) | StoreError::Refused(_) => Some(
                "endpoint, region and credentials are found as by the AWS CLI; for the platform \
                 on this machine give --local",
            ),
            _ => None,
        };
        match advice {
            Some(advice) => Self::Trouble(anyhow::Error::from(error).context(advice)),
            None => Self::Trouble(error.into()),
        }
    }
}

impl From<FailuresError> for Failure {
    fn from(error: FailuresError) -> Self {
        match error {
            FailuresError::Absent => Self::NotFound(error.to_string()),
            _ => Self::Trouble(error.into()),
        }
    }
}

impl From<NoPastState> for Failure {
    fn from(none: NoPastState) -> Self {
        match none {
            NoPastState::Store(error) => error.into(),
            NoPastState::Since { .. } => Self::Trouble(anyhow::Error::msg(none.to_string())),
            NoPastState::Kind | NoPastState::Version => Self::NotFound(none.to_string()),
        }
    }
}
