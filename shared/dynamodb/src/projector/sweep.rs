//! Taking up what waits: streams that another build has left to one that knows their events, and
//! streams whose resumption was interrupted.

use std::collections::HashSet;

use futures::future::try_join_all;
use jiff::Timestamp;

use super::{Doorbell, Projector};
use crate::StoreError;
use crate::views::{ParkedStream, Rows, Until};

/// How many streams one read of the list brings, and are then taken up at a time.
const PAGE: usize = 100;

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many streams it took up.
    pub taken_up: u64,
    /// How many wait on for a build that knows their events.
    pub waiting: u64,
    /// Since when the first of these waits.
    pub oldest: Option<Timestamp>,
    /// How many are parked in the generation that is read, until a person resumes them.
    pub parked: u64,
}

impl Projector {
    /// Takes up every stream that waits for what this build knows, in every generation, and leaves
    /// the others alone. It costs a read of the list where there is nothing to do. It may be called
    /// at any time, by any number of processes of any build.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer in time; the next sweep goes on.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let pointer = self.generations.remembered().await?;
        for generation in pointer.written() {
            let rows = self.rows(generation);
            let mut after = None;
            loop {
                let page = rows.parked(&self.domain, "", after.as_ref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.stream.clone());
                let (known, others): (Vec<_>, Vec<_>) =
                    page.into_iter().partition(|parked| self.is_known(parked));
                swept.leave(&others, generation == pointer.generation);
                swept.taken_up += self.take_up(&rows, &known).await?;
            }
        }
        Ok(swept)
    }

    /// Whether this build knows what a stream waits for.
    fn is_known(&self, parked: &ParkedStream) -> bool {
        let knows =
            |event_type: &str, version| self.upkeep.knows(&parked.stream, event_type, version);
        match &parked.until {
            Until::Known(newer) => knows(&newer.event_type, newer.version),
            Until::Swept => true,
            Until::Resumed => newer_as_parked(&parked.error)
                .is_some_and(|(event_type, version)| knows(event_type, version)),
        }
    }

    /// Brings streams to their heads, and says how many wait no longer.
    async fn take_up(&self, rows: &Rows, parked: &[ParkedStream]) -> Result<u64, StoreError> {
        let doorbells = parked.iter().map(|ParkedStream { stream, until, .. }| async move {
            if *until == Until::Resumed {
                rows.unpark(stream).await?;
            }
            Ok::<_, StoreError>(Doorbell {
                stream: stream.clone(),
                version: self.events.head(stream).await?,
                commit: None,
            })
        });
        let doorbells = try_join_all(doorbells).await?;
        let heads: Vec<u64> = doorbells.iter().map(|doorbell| doorbell.version).collect();
        let report = self.project(doorbells).await;
        let stuck: HashSet<_> = report.newer.iter().chain(&report.parked).collect();
        let mut taken_up = 0;
        for (place, (parked, head)) in parked.iter().zip(heads).enumerate() {
            if !report.failed.contains(&place) && !stuck.contains(&parked.stream) {
                // A table that was restored to an earlier time may lack what was to be folded.
                rows.forget(&parked.stream, head.max(parked.version)).await?;
                taken_up += 1;
            }
        }
        Ok(taken_up)
    }
}

impl Swept {
    fn leave(&mut self, others: &[ParkedStream], is_read: bool) {
        for parked in others {
            if let Until::Known(_) = parked.until {
                self.waiting += 1;
                self.oldest = Some(self.oldest.map_or(parked.at, |oldest| oldest.min(parked.at)));
            } else {
                self.parked += u64::from(is_read);
            }
        }
    }
}

/// The type and version that an older build did not know, for which it parked the stream as if the
/// event were broken: from what it noted.
fn newer_as_parked(error: &str) -> Option<(&str, u32)> {
    let (event_type, rest) = error.strip_prefix("event ")?.split_once(" v")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (version, reason) = rest.split_at_checked(digits)?;
    let is_newer = reason.starts_with(" was written by a newer build")
        || reason.starts_with(&format!(": unknown variant `{event_type}`"));
    Some((event_type, version.parse().ok()?)).filter(|_| is_newer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_build_parked_for_a_newer_event_is_told_from_what_is_broken() {
        for (error, expected) in [
            (
                "event Robbed v1: unknown variant `Robbed`, expected one of `Paid`, `Opened`",
                Some(("Robbed", 1)),
            ),
            ("event Paid v4 was written by a newer build, which knows v3", Some(("Paid", 4))),
            ("event Set v1: unknown variant `Blue`, expected `Red`", None),
            ("event Paid v1: missing field `amount`", None),
            ("event Paid v", None),
            ("event Paid v99999999999 was written by a newer build, which knows v3", None),
            ("acme/identity/users/42 lacks the event 7", None),
        ] {
            assert_eq!(newer_as_parked(error), expected, "{error}");
        }
    }
}
