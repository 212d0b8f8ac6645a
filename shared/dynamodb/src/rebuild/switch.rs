use std::time::Duration;

use tokio::time::sleep;

use super::check::{Compared, built};
use super::{Check, Rebuild, RebuildError};
use crate::views::{Generation, Pointer};

/// How long a read that is not strong may be behind a write. DynamoDB names no bound; its replicas
/// are usually within a second.
const REPLICA_LAG: Duration = Duration::from_secs(5);

/// What a switch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switched {
    /// The generation that is read now.
    pub read: Generation,
    /// The one that was read before. It is kept up to date.
    pub previous: Generation,
    /// What the comparison of the two came to; of a switch back there was none.
    pub check: Check,
}

impl Rebuild {
    /// Makes the generation that is built the one that is read, once a [check](Self::check) finds
    /// nothing missing in it. The one that was read until then stays, and is kept up to date.
    ///
    /// A comparison takes long. If the generations are others by then, it says nothing about them,
    /// and nothing is changed.
    ///
    /// # Errors
    /// [`RebuildError::NotBuilt`], [`RebuildError::Overtaken`], and [`RebuildError::Incomplete`]
    /// unless it is `forced`.
    pub async fn switch(&self, forced: bool) -> Result<Switched, RebuildError> {
        let Compared { new, read, check, begun } = self.compare_built().await?;
        if check.lacking > 0 && !forced {
            return Err(RebuildError::Incomplete(check));
        }
        // All rows were there when the comparison began. Reads that are not strong may see that
        // later: a thing that has been there for years would be absent to them.
        sleep(REPLICA_LAG.min(self.pace.settle).saturating_sub(begun.elapsed())).await;
        let old = self.generations().read().await?;
        if old.generation != read || built(&old).ok() != Some(new) {
            return Err(RebuildError::Overtaken { compared: new, read: old.generation });
        }
        self.change(
            &old,
            Pointer {
                generation: new,
                building: None,
                previous: Some(read),
                since: self.now(),
                ..old.clone()
            },
        )
        .await?;
        Ok(Switched { read: new, previous: read, check })
    }

    /// Makes the generation that was read before the last switch the one that is read again. All
    /// projectors have written it meanwhile, so there is nothing to wait for or to check.
    ///
    /// # Errors
    /// [`RebuildError::NoPrevious`].
    pub async fn switch_back(&self) -> Result<Switched, RebuildError> {
        let old = self.generations().read().await?;
        let generation = old.previous.ok_or(RebuildError::NoPrevious)?;
        self.change(
            &old,
            Pointer {
                generation,
                previous: Some(old.generation),
                since: self.now(),
                ..old.clone()
            },
        )
        .await?;
        Ok(Switched { read: generation, previous: old.generation, check: Check::default() })
    }
}
