//! The folder that outlives the platform: secrets made on first start, checkpoints, logs, and the
//! lock that keeps a second platform away.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// An open data directory; only one platform at a time has it.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Held for as long as this lives. The kernel lets go of it when the process dies, however it
    /// dies.
    _lock: File,
    /// A folder that goes with this value.
    _temporary: Option<TempDir>,
}

impl DataDir {
    /// Opens the folder, making it if need be; `None` takes a temporary one that goes with the
    /// value.
    ///
    /// # Errors
    /// When another platform uses the folder, or it can't be written.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let temporary =
            if path.is_none() { Some(TempDir::with_prefix("headwater-")?) } else { None };
        let path = path.or(temporary.as_ref().map(TempDir::path)).unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .and_then(|()| fs::create_dir_all(path.join("logs")))
            .with_context(|| format!("can't make the data directory {}", path.display()))?;
        let path = path.canonicalize()?;
        // Not truncated before it is ours: it holds the id of the process that has the folder.
        let path_of_lock = path.join("lock");
        let mut lock =
            OpenOptions::new().write(true).create(true).truncate(false).open(path_of_lock)?;
        match lock.try_lock() {
            Ok(()) => {
                lock.set_len(0)?;
                writeln!(lock, "{}", std::process::id())?;
                Ok(Self { path, _lock: lock, _temporary: temporary })
            }
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "{} is in use by another platform: stop it or give --data-dir",
                    path.display()
                )
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a secret, or makes it and keeps it, readable by the owner only.
    ///
    /// # Errors
    /// When the file can't be read or written, or `make` fails.
    pub fn secret(&self, name: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
        let path = self.path.join(name);
        if path.exists() {
            return Ok(fs::read_to_string(path)?);
        }
        let secret = make()?;
        replace(&path, secret.as_bytes())?;
        Ok(secret)
    }
}

/// Replaces a file in one step: after a crash it holds the old text or the new one, on disk. Only
/// the owner may read it.
///
/// # Errors
/// When the folder can't be written.
pub fn replace(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(contents)?;
    file.sync_data()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_platform_is_refused_until_the_first_is_gone() {
        let first = DataDir::open(None).unwrap();
        let refused = DataDir::open(Some(first.path())).unwrap_err().to_string();
        assert!(refused.contains("is in use by another platform"), "{refused}");
        let owner = fs::read_to_string(first.path().join("lock")).unwrap();
        assert_eq!(owner, format!("{}\n", std::process::id()), "also after another has tried");
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists(), "a temporary folder goes with its platform");
    }

    #[test]
    fn a_secret_is_made_once_and_private() {
        let dir = DataDir::open(None).unwrap();
        assert_eq!(dir.secret("key", || Ok("one".into())).unwrap(), "one");
        assert_eq!(dir.secret("key", || Ok("two".into())).unwrap(), "one");
        let mode = fs::metadata(dir.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
