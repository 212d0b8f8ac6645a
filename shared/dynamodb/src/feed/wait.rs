//! Waiting until the projectors have got somewhere: for what cannot be folded from the events right away.

use std::time::Duration;

use headwater::{FeedPosition, Position};
use tokio::time::{Instant, sleep};

use super::log::newest;
use super::streams::fed_version;
use super::{Feed, FeedError};

/// The first pause between two looks; each further one is twice as long.
const SHORTEST: Duration = Duration::from_millis(20);

/// No pause is longer.
const LONGEST: Duration = Duration::from_millis(250);

impl Feed {
    /// Waits until the feed has got to a position. From then on the rows that go with it are there for strong reads.
    ///
    /// # Errors
    /// [`FeedError::Resync`] if the position is of another epoch, [`FeedError::Ahead`] if the feed has not got there by the deadline.
    pub async fn wait_for(&self, position: &FeedPosition, deadline: Instant) -> Result<(), FeedError> {
        wait(deadline, async || newest(&self.table, &position.tenant, &position.domain).await?.check(position)).await
    }

    /// Waits until the feed tells of this version of a stream.
    ///
    /// # Errors
    /// [`FeedError::Ahead`] if it does not by the deadline.
    pub async fn wait_for_stream(&self, position: &Position, deadline: Instant) -> Result<(), FeedError> {
        wait(deadline, async || {
            let fed = fed_version(&self.table, &position.stream).await?;
            if fed < position.version { Err(FeedError::Ahead { head: fed }) } else { Ok(()) }
        })
        .await
    }
}

/// Looks again and again, at least once, until it is no longer ahead or the deadline has come.
async fn wait(deadline: Instant, look: impl AsyncFn() -> Result<(), FeedError>) -> Result<(), FeedError> {
    let mut pause = SHORTEST;
    loop {
        match look().await {
            Err(FeedError::Ahead { .. }) if Instant::now() + pause < deadline => sleep(pause).await,
            answer => return answer,
        }
        pause = LONGEST.min(pause * 2);
    }
}
