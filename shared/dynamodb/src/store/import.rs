//! Commits that come from elsewhere, as from a dump: written as they are, on the same condition as
//! all others.

use headwater::Commit;

use crate::connection::Failed;
use crate::{EventStore, StoreError, commit_from_item, commit_to_item};

/// What became of a commit that was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is written.
    Written,
    /// It was there, its snapshot aside.
    Present,
    /// Another commit is in its place, and stays.
    Conflict,
}

impl EventStore {
    /// Writes a commit as it is, without its snapshot, where none is yet. Whoever imports sees to
    /// it that the commit before it is there, and that this one is not in the archive.
    ///
    /// # Errors
    /// [`StoreError`]; then it may be written or not. Imported again, it settles.
    pub async fn import(&self, commit: Commit) -> Result<Imported, StoreError> {
        let commit = Commit { snapshot: None, ..commit };
        let item = commit_to_item(commit.clone())?;
        let Some(found) = self.put_if_free(&item).await.map_err(Failed::into_store_error)? else {
            return Ok(Imported::Written);
        };
        let found = Commit { snapshot: None, ..commit_from_item(found)? };
        Ok(if found == commit { Imported::Present } else { Imported::Conflict })
    }
}
