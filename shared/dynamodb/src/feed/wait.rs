//! Waiting until the projectors have got somewhere: for what cannot be folded from the events right
//! away.

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
    /// Waits until the feed has got to a position. From then on the rows that go with it are there
    /// for strong reads.
    ///
    /// # Errors
    /// [`FeedError::Resync`] if the position is of another epoch, [`FeedError::Ahead`] if the feed
    /// has not got there by the deadline.
    pub async fn wait_for(
        &self,
        position: &FeedPosition,
        deadline: std::time::Instant,
    ) -> Result<(), FeedError> {
        let mut pauses = Pauses::until(deadline);
        loop {
            match newest(&self.table, &position.tenant, &position.domain).await?.check(position) {
                Err(FeedError::Ahead { .. }) if pauses.next().await => {}
                answer => return answer,
            }
        }
    }

    /// Waits until the feed has reached this version of a stream.
    ///
    /// # Errors
    /// [`FeedError::Ahead`] if it does not by the deadline.
    pub async fn wait_for_stream(
        &self,
        position: &Position,
        deadline: std::time::Instant,
    ) -> Result<(), FeedError> {
        let mut pauses = Pauses::until(deadline);
        loop {
            let head = fed_version(&self.table, &position.stream).await?;
            if head >= position.version {
                return Ok(());
            }
            if !pauses.next().await {
                return Err(FeedError::Ahead { head });
            }
        }
    }
}

/// The pauses between looks, up to a deadline.
struct Pauses {
    deadline: Instant,
    pause: Duration,
}

impl Pauses {
    fn until(deadline: std::time::Instant) -> Self {
        Self { deadline: deadline.into(), pause: SHORTEST }
    }

    /// Pauses and returns `true`, or returns `false` if the deadline would pass meanwhile.
    async fn next(&mut self) -> bool {
        if Instant::now() + self.pause >= self.deadline {
            return false;
        }
        sleep(self.pause).await;
        self.pause = LONGEST.min(self.pause * 2);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_limit_and_end_before_the_deadline() {
        let begin = Instant::now();
        let mut pauses = Pauses::until((begin + Duration::from_secs(2)).into_std());
        let mut ends = Vec::new();
        while pauses.next().await {
            ends.push(begin.elapsed().as_millis());
        }
        assert_eq!(ends, [20, 60, 140, 300, 550, 800, 1_050, 1_300, 1_550, 1_800]);
    }
}
