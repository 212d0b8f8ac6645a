//! The way of an effect: leased, carried out, marked.

use std::future::Future;
use std::time::Duration;

use super::{AfterFailure, EffectId, Effects, Lease};
use crate::StoreError;

/// Why an effect was not carried out, or why that is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// It surely was not, and may be tried again.
    Surely(String),
    /// It surely was not, and can never be as it is.
    Never(String),
    /// It may have been.
    Unknown(String),
}

/// How far an effect has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was carried out just now.
    Out,
    /// It had been carried out before.
    OutBefore,
    /// It waits for a person.
    Waiting,
    /// Its record has to come again.
    Later,
}

impl Effects {
    /// Carries an effect out by `act`, unless that was done or is another's to do. `lease` is
    /// longer than an invocation can live, `pause` is that after the first failure. Between lease
    /// and mark all that can go wrong is `act`: what else may fail has to fail before.
    ///
    /// # Errors
    /// [`StoreError`] if the table does not answer; the record has to come again.
    pub async fn carry_out(
        &self,
        effect: EffectId,
        lease: Duration,
        pause: Duration,
        act: impl Future<Output = Result<(), NotDone>>,
    ) -> Result<Carried, StoreError> {
        let granted = match self.lease(effect, lease).await? {
            Lease::Granted(granted) => granted,
            Lease::Done => return Ok(Carried::OutBefore),
            Lease::Busy => return Ok(Carried::Later),
            Lease::Waiting => return Ok(Carried::Waiting),
        };
        let after = match act.await {
            Ok(()) => {
                self.done(&granted).await?;
                return Ok(Carried::Out);
            }
            Err(NotDone::Surely(error)) => {
                tracing::warn!(?granted, error, "an effect was not carried out");
                self.failed(&granted, &error, pause).await?
            }
            Err(NotDone::Never(error)) => {
                tracing::error!(?granted, error, "an effect can never be carried out");
                self.refused(&granted, &error).await?
            }
            Err(NotDone::Unknown(error)) => {
                tracing::error!(?granted, error, "whether an effect was carried out is not known");
                self.unknown(&granted, &error).await?
            }
        };
        Ok(match after {
            AfterFailure::TryAgain => Carried::Later,
            AfterFailure::Waiting => Carried::Waiting,
        })
    }
}
