//! Somebody who looks after the mails that wait: finds out what became of each, and says it.

use std::sync::Arc;
use std::time::Duration;

use headwater_dynamodb::{Settlement, StoreError, Waiting};
use headwater_kinesis::CommitRecord;
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::post::{Mail, Post};
use crate::cloud::Cloud;
use crate::processes::{Pool, Process};

/// How long a mail waits at least until somebody looks into it: what was sent late has arrived by
/// then, whatever the clocks say.
const BEFORE: SignedDuration = SignedDuration::from_secs(8);

/// How long it is at the most until somebody looks again, in milliseconds.
const ROUND: u64 = 4_000;

/// A person.
pub(crate) struct Person {
    pub(crate) cloud: Cloud,
    pub(crate) post: Post,
    /// The functions that answer what a person says.
    pub(crate) functions: Arc<Pool>,
}

impl Person {
    /// Looks after what waits, now and then, until the run ends.
    pub(crate) async fn run(self) {
        loop {
            sleep(self.cloud.chance().millis(ROUND)).await;
            // Where the tables do not answer it is left for the next time.
            self.look().await.ok();
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let waiting = super::effects(&self.cloud).waiting(None, None, 100).await?;
        let now = Timestamp::from_millisecond(self.cloud.now()).unwrap();
        let ripe = waiting
            .into_iter()
            .filter(|waiting| waiting.since.is_some_and(|since| since + BEFORE < now));
        for waiting in ripe.filter(|_| self.cloud.chance().happens(0.7)) {
            self.settle(waiting).await?;
        }
        Ok(())
    }

    async fn settle(&self, waiting: Waiting) -> Result<(), StoreError> {
        let Waiting { effect, .. } = &waiting;
        let mail = Mail::of(effect);
        let is_sent = self.post.taken(&mail) > 0;
        let chance = self.cloud.chance();
        let settlement = if is_sent && chance.happens(0.9) || !is_sent && chance.happens(0.1) {
            if !is_sent {
                self.post.forgo(&mail);
            }
            Settlement::Done
        } else {
            if is_sent {
                self.post.allow_again(&mail);
            }
            Settlement::TryAgain
        };
        self.cloud.log(|| format!("somebody says of {mail:?}: {settlement:?}"));
        let effects = super::effects(&self.cloud);
        // What is ripe has waited since some time.
        let since = waiting.since.unwrap_or_default();
        effects.settle_since(effect, since, settlement).await?;
        if settlement == Settlement::TryAgain {
            let record = CommitRecord::doorbell(effect.stream.clone(), effect.number).unwrap();
            let ring = async |process: Arc<Process>| {
                let publisher = process.app.publisher("COMMITS_STREAM").unwrap();
                publisher.publish_one(record, Duration::from_secs(3)).await.is_ok()
            };
            // If nobody hears it, it is in the list still.
            self.functions.invoke(ring).await.ok();
        }
        Ok(())
    }
}
