//! What was measured, put into the documents: their prose is written by hand, the tables and plots
//! are not.

mod figures;
mod machine;
mod plots;
mod show;
mod tables;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::effort::Effort;
use crate::measure::binaries::Size;
use crate::measure::correctness::Found;
use crate::measure::histories::Cell;
use crate::measure::hot_stream::Hot;
use crate::measure::lag::Lag;
use crate::measure::rebuild::Rebuilt;
use crate::measure::starts::Started;
use crate::measure::throughput::Rate;

/// All that one run has measured.
pub struct Measured {
    /// How much of everything.
    pub effort: Effort,
    /// See [`crate::measure::histories`].
    pub cells: Vec<Cell>,
    /// See [`crate::measure::throughput`].
    pub rates: Vec<Rate>,
    /// See [`crate::measure::hot_stream`].
    pub hot: Vec<Hot>,
    /// See [`crate::measure::correctness`].
    pub found: Vec<Found>,
    /// See [`crate::measure::lag`].
    pub lag: Lag,
    /// See [`crate::measure::rebuild`].
    pub rebuilt: Rebuilt,
    /// See [`crate::measure::starts`].
    pub started: Vec<Started>,
    /// See [`crate::measure::binaries`].
    pub sizes: Vec<Size>,
}

impl Measured {
    /// Writes `docs/explanation/benchmark.md` of the repository at `root` below `out`, with what is
    /// measured in it, and its plots.
    ///
    /// # Errors
    /// If the page lacks the place of a table, or cannot be written.
    pub fn write(&self, root: &Path, out: &Path) -> Result<()> {
        const PAGE: &str = "docs/explanation/benchmark.md";
        fs::create_dir_all(out.join("docs/explanation"))?;
        let page = fs::read_to_string(root.join(PAGE)).context(PAGE)?;
        let page = tables::of_report(self)?
            .iter()
            .try_fold(page, |page, table| table.put_into(&page))
            .context(PAGE)?;
        fs::write(out.join(PAGE), page)?;
        plots::write(self, &out.join("docs/explanation"))
    }
}
