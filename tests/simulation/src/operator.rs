//! Those who deploy a new build, and who build the rows anew: while all goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use headwater_dynamodb::{Progress, Rebuild, RebuildError, Why};
use jiff::Timestamp;
use tokio::time::{Duration, sleep, timeout};

use crate::cloud::Cloud;
use crate::domain::{DOMAIN, projections};
use crate::plan::Trouble;

/// How often a step is tried: it may be refused until another's lease ends, or until no process of
/// the old build writes rows any more.
const TRIES: usize = 200;

/// Deploys the second build at some time.
pub(crate) async fn deploy(cloud: Cloud, build: Arc<AtomicU32>) {
    sleep(cloud.chance().millis(4_000)).await;
    cloud.log(|| "the second build is deployed".to_owned());
    build.store(2, Relaxed);
}

/// Somebody who builds the rows anew and then, as he likes, switches to them, goes back, or thinks
/// better of it; in the end what is not read is dropped.
pub(crate) struct Operator {
    pub(crate) cloud: Cloud,
    pub(crate) build: Arc<AtomicU32>,
    pub(crate) name: usize,
    /// By how much his clock is wrong, in milliseconds.
    pub(crate) skew: i64,
}

impl Operator {
    pub(crate) async fn run(self) {
        sleep(self.cloud.chance().millis(20_000)).await;
        if self.cloud.chance().happens(0.9) {
            self.insist(async |rebuild| rebuild.build(2, &Progress::default()).await.map(|_| ()))
                .await;
            if self.cloud.chance().happens(0.8) {
                self.insist(async |rebuild| rebuild.switch(false).await.map(|_| ())).await;
            }
            sleep(self.cloud.chance().millis(30_000)).await;
            if self.cloud.chance().happens(0.3) {
                self.insist(async |rebuild| rebuild.switch_back().await.map(|_| ())).await;
            }
        }
        self.insist(async |rebuild| rebuild.discard().await.map(|_| ())).await;
    }

    /// Takes a step until it is taken, or somebody else has taken it. The process may die of it
    /// each time, and another takes over.
    async fn insist(&self, step: impl AsyncFn(Rebuild) -> Result<(), RebuildError>) {
        for number in 0..TRIES {
            let rebuild = self.rebuild(number);
            let life = if self.cloud.strikes(Trouble::Crashes, 0.3) {
                self.cloud.chance().millis(150_000)
            } else {
                Duration::from_secs(3_600)
            };
            let outcome = timeout(life, step(rebuild)).await;
            self.cloud.log(|| {
                format!("operator {} tried for the {number}th time: {outcome:?}", self.name)
            });
            match outcome {
                // Built by the old build, and to be switched to by the new one: it has to be built
                // again.
                Ok(Err(RebuildError::Incomplete(check)))
                    if check
                        .examples
                        .iter()
                        .all(|lacking| matches!(lacking.why, Why::Revision(_))) =>
                {
                    return;
                }
                Ok(
                    Ok(())
                    | Err(
                        RebuildError::NothingToDrop
                        | RebuildError::NoPrevious
                        | RebuildError::NotBuilt { .. }
                        | RebuildError::InTheWay(_),
                    ),
                ) => return,
                _ => sleep(self.cloud.chance().millis(10_000)).await,
            }
        }
        self.cloud.state().history.violated("an operator does not get anywhere".to_owned());
    }

    /// The steps, as a process of his own takes them.
    fn rebuild(&self, number: usize) -> Rebuild {
        let store = self.cloud.store();
        let now = Timestamp::from_millisecond(self.cloud.now() + self.skew).unwrap();
        let projections = projections(self.build.load(Relaxed));
        Rebuild::new(store, "views", DOMAIN, projections, format!("{}-{number}", self.name), now)
    }
}
