//! Objects as files: one folder a bucket, one file an object, its key percent-encoded into the
//! file's name.

use std::borrow::Cow;
use std::io::{ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::fs;
use uuid::Uuid;

use super::Refusal;

/// Characters that a file's name has unescaped. A dot is not one: `..` is a valid key.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
/// The longest file name that common file systems take.
const LONGEST_NAME: usize = 255;
/// The folder of objects that are being written; no bucket can have this name.
const INCOMING: &str = ".incoming";

/// All buckets.
#[derive(Clone)]
pub(super) struct Objects {
    root: PathBuf,
}

/// The metadata of an object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) modified: Timestamp,
    /// In bytes.
    pub(super) size: u64,
}

impl Objects {
    /// Opens the objects under `root`, with these buckets.
    pub(super) fn open<'a>(root: &Path, buckets: impl Iterator<Item = &'a str>) -> IoResult<Self> {
        for folder in buckets.chain([INCOMING]) {
            std::fs::create_dir_all(root.join(folder))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Writes an object, all of it or nothing.
    pub(super) async fn put(&self, bucket: &str, key: &str, body: &[u8]) -> Result<(), Refusal> {
        let path = self.path(bucket, key).await?;
        let incoming = self.root.join(INCOMING).join(Uuid::new_v4().to_string());
        fs::write(&incoming, body).await?;
        Ok(fs::rename(&incoming, &path).await?)
    }

    pub(super) async fn get(&self, bucket: &str, key: &str) -> Result<(Object, Vec<u8>), Refusal> {
        let path = self.path(bucket, key).await?;
        let body = fs::read(&path).await?;
        let modified =
            Timestamp::try_from(fs::metadata(&path).await?.modified()?).unwrap_or_default();
        Ok((Object { key: key.to_owned(), modified, size: body.len() as u64 }, body))
    }

    pub(super) async fn delete(&self, bucket: &str, key: &str) -> Result<(), Refusal> {
        match fs::remove_file(self.path(bucket, key).await?).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The objects whose key begins with `prefix` and comes after `after`, in order of their keys.
    pub(super) async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
    ) -> Result<Vec<Object>, Refusal> {
        let mut files = fs::read_dir(self.bucket(bucket).await?).await?;
        let mut objects = Vec::new();
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name();
            let Ok(key) =
                percent_decode_str(&name.to_string_lossy()).decode_utf8().map(Cow::into_owned)
            else {
                continue;
            };
            if key.starts_with(prefix) && key.as_str() > after {
                let metadata = file.metadata().await?;
                let modified = Timestamp::try_from(metadata.modified()?).unwrap_or_default();
                objects.push(Object { key, modified, size: metadata.len() });
            }
        }
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    async fn bucket(&self, bucket: &str) -> Result<PathBuf, Refusal> {
        let path = self.root.join(utf8_percent_encode(bucket, ENCODED).to_string());
        if fs::try_exists(&path).await? { Ok(path) } else { Err(Refusal::NoSuchBucket) }
    }

    async fn path(&self, bucket: &str, key: &str) -> Result<PathBuf, Refusal> {
        let name = utf8_percent_encode(key, ENCODED).to_string();
        if name.len() > LONGEST_NAME {
            return Err(Refusal::KeyTooLong);
        }
        Ok(self.bucket(bucket).await?.join(name))
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NoSuchKey,
            _ => Self::Io(error),
        }
    }
}
