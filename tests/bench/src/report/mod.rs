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
use headwater_tests::measured::Table;

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
    /// Writes the documents of the repository at `root`, with what was measured in them, below
    /// `out`: `docs/benchmark.md` with its plots, and `README.md`.
    ///
    /// # Errors
    /// If a document lacks the place of a table, or cannot be written.
    pub fn write(&self, root: &Path, out: &Path) -> Result<()> {
        fs::create_dir_all(out.join("docs"))?;
        let put = |name: &str, tables: &[Table]| {
            let document = fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?;
            let document = tables
                .iter()
                .try_fold(document, |document, table| table.put_into(&document))
                .with_context(|| name.to_owned())?;
            anyhow::Ok(fs::write(out.join(name), document)?)
        };
        put("docs/benchmark.md", &tables::of_report(self)?)?;
        put("README.md", &[tables::of_readme(self)])?;
        plots::write(self, &out.join("docs"))
    }
}
