//! Where each shard of an event source goes on after a restart, kept in one file per event source.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data_dir::replace;

/// How far one shard is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// The last sequence number up to which all is done.
    pub(super) after: Option<String>,
    /// Whether the shard is closed and done to its end.
    pub(super) finished: bool,
}

/// The checkpoints of one event source, by shard.
pub(super) type Checkpoints = BTreeMap<String, Checkpoint>;

/// The file of one event source's checkpoints.
#[derive(Debug)]
pub(super) struct CheckpointFile(PathBuf);

impl CheckpointFile {
    pub(super) fn new(folder: &Path, event_source: Uuid) -> Self {
        Self(folder.join(format!("{event_source}.json")))
    }

    /// What was kept; nothing before the first start.
    pub(super) fn load(&self) -> Result<Checkpoints> {
        match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} is damaged: delete it to start over", self.0.display())
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Checkpoints::new()),
            Err(error) => Err(error).with_context(|| self.0.display().to_string()),
        }
    }

    /// Keeps these instead.
    pub(super) fn save(&self, checkpoints: &Checkpoints) -> Result<()> {
        replace(&self.0, &serde_json::to_vec_pretty(checkpoints)?)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::DataDir;

    #[test]
    fn what_is_saved_is_loaded() {
        let dir = DataDir::open(None).unwrap();
        let file = CheckpointFile::new(dir.path(), Uuid::nil());
        assert_eq!(file.load().unwrap(), Checkpoints::new());
        let checkpoint = Checkpoint { after: Some("7".into()), finished: true };
        let checkpoints = Checkpoints::from([("shard-1".to_owned(), checkpoint)]);
        file.save(&checkpoints).unwrap();
        assert_eq!(file.load().unwrap(), checkpoints);
    }

    #[test]
    fn a_damaged_file_is_not_taken_for_a_fresh_start() {
        let dir = DataDir::open(None).unwrap();
        fs::write(dir.path().join(format!("{}.json", Uuid::nil())), "{").unwrap();
        let error = CheckpointFile::new(dir.path(), Uuid::nil()).load().unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
}
