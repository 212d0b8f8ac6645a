use jiff::SignedDuration;
use tokio::time::sleep;

use super::{Rebuild, RebuildError};
use crate::StoreError;
use crate::views::{Building, Generation, Pointer, ScanLease};

impl Rebuild {
    /// The lease with which to scan after that of another, if it has ended.
    pub(super) fn lease_after(&self, other: Option<&ScanLease>) -> Result<ScanLease, RebuildError> {
        match other {
            Some(held) if held.owner != self.owner && held.until > self.now() => {
                Err(RebuildError::Held { until: held.until })
            }
            _ => Ok(self.lease()),
        }
    }

    fn lease(&self) -> ScanLease {
        let lasts = SignedDuration::try_from(self.pace.lease).unwrap_or(SignedDuration::ZERO);
        ScanLease {
            owner: self.owner.clone(),
            until: self.now().saturating_add(lasts).unwrap_or(self.clock.said),
        }
    }

    /// Renews the lease for ever; comes back only if it is lost.
    pub(super) async fn keep_lease(&self, generation: Generation) -> RebuildError {
        loop {
            sleep(self.pace.lease / 3).await;
            match self.put_lease(generation, Some(self.lease())).await {
                // The scan is patient too. If it takes too long, then another may take over.
                Ok(()) | Err(RebuildError::Store(StoreError::Unavailable(_))) => {}
                Err(error) => return error,
            }
        }
    }

    /// Says that all has been scanned.
    pub(super) async fn give_back(&self, generation: Generation) -> Result<(), RebuildError> {
        self.put_lease(generation, None).await
    }

    /// Puts another lease, or none, in the place of our own.
    async fn put_lease(
        &self,
        generation: Generation,
        lease: Option<ScanLease>,
    ) -> Result<(), RebuildError> {
        loop {
            let old = self.generations().read().await?;
            let is_ours = |building: &&Building| {
                building.generation == generation
                    && building.lease.as_ref().is_some_and(|lease| lease.owner == self.owner)
            };
            let building = old.building.as_ref().filter(is_ours).ok_or(RebuildError::TakenOver)?;
            let building = Some(Building { lease: lease.clone(), ..building.clone() });
            // If somebody else was faster then what he wrote decides.
            if self.generations().change(&old, Pointer { building, ..old.clone() }).await? {
                return Ok(());
            }
        }
    }
}
