use super::check::built;
use super::{Check, Rebuild, RebuildError};
use crate::views::Pointer;

impl Rebuild {
    /// Makes the generation that is built the one that is read, once a [check](Self::check) finds nothing missing in it. The one that was read until
    /// then stays, and is kept up to date.
    ///
    /// # Errors
    /// [`RebuildError::NotBuilt`], and [`RebuildError::Incomplete`] unless it is `forced`.
    pub async fn switch(&self, forced: bool) -> Result<Check, RebuildError> {
        let check = self.check().await?;
        if check.lacking > 0 && !forced {
            return Err(RebuildError::Incomplete(check));
        }
        let old = self.generations().read().await?;
        let new = Pointer { generation: built(&old)?, building: None, previous: Some(old.generation), since: self.now(), ..old.clone() };
        self.change(&old, new).await?;
        Ok(check)
    }

    /// Makes the generation that was read before the last switch the one that is read again. All projectors have written it meanwhile, so there is
    /// nothing to wait for or to check.
    ///
    /// # Errors
    /// [`RebuildError::NoPrevious`].
    pub async fn switch_back(&self) -> Result<(), RebuildError> {
        let old = self.generations().read().await?;
        let generation = old.previous.ok_or(RebuildError::NoPrevious)?;
        let new = Pointer { generation, previous: Some(old.generation), since: self.now(), ..old.clone() };
        self.change(&old, new).await
    }
}
