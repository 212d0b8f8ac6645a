use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::failure::Failure;
use crate::output::Output;

/// How often it is told how far a long command has got where nobody watches a terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// How far a long command has got: a line that changes where standard error is a terminal, else a
/// line now and then.
pub(crate) struct Progress {
    line: ProgressBar,
    told: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self { line: ProgressBar::new_spinner(), told: Instant::now() }
    }

    /// Tells how far it has got, as `1200 commits read`.
    pub(crate) fn tell(
        &mut self,
        output: &mut Output<'_>,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if !self.line.is_hidden() {
            self.line.set_message(text());
            self.line.tick();
        } else if self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            output.remark(&text())?;
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
