//! The keys of subjects.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Commit, StreamName};
use jiff::Timestamp;
use lru::LruCache;
use tokio::time::Instant;

use super::cipher::{Cipher, KEY_LEN, MasterKey};
use crate::connection::Connection;
use crate::table::{Condition, Consistency, Key, Table};
use crate::{Item, StoreError};

/// A process forgets a key after so long. So what was sealed by a destroyed key is read nowhere
/// soon after that.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// A process remembers so many keys, some 1 KB each.
const MOST: usize = 10_000;

/// The sort key of a key.
const SORT_KEY: &str = "key";

/// The keys of all subjects, behind one master key. Cheap to clone.
///
/// ```
/// use headwater_dynamodb::{MasterKey, SubjectKeys};
///
/// let master = MasterKey::new(b"a secret of at least 32 characters").unwrap();
/// let keys = SubjectKeys::new("keys", master);
/// # let _ = keys;
/// ```
#[derive(Clone)]
pub struct SubjectKeys(Arc<Ring>);

struct Ring {
    table: String,
    master: MasterKey,
    known: Mutex<LruCache<StreamName, (Subject, Instant)>>,
}

/// What is known of a subject's key.
#[derive(Clone)]
pub(crate) enum Subject {
    /// It has a key.
    Key(Arc<SubjectKey>),
    /// Its key was destroyed.
    Erased,
    /// It never had one.
    Unknown,
}

/// A subject's key.
pub(crate) struct SubjectKey(pub(super) Cipher);

impl SubjectKeys {
    /// The keys in this table.
    pub fn new(table: impl Into<String>, master: MasterKey) -> Self {
        let known = Mutex::new(LruCache::unbounded());
        Self(Arc::new(Ring { table: table.into(), master, known }))
    }

    /// Opens a commit by the item of its subject's key, for whoever has both by other ways than
    /// from the tables.
    ///
    /// # Errors
    /// [`StoreError`] if the key is another's, or a value is not what was stored.
    pub fn open_by(&self, key: &Item, commit: &mut Commit) -> Result<(), StoreError> {
        self.read(&commit.stream, key)?.open(commit)
    }

    /// The master key.
    pub(crate) fn master(&self) -> &MasterKey {
        &self.0.master
    }

    /// A subject's key as it is. It costs a read if this process does not know it.
    pub(crate) async fn of(
        &self,
        connection: &Connection,
        subject: &StreamName,
    ) -> Result<Subject, StoreError> {
        if let Some(known) = self.remembered(subject) {
            return Ok(known);
        }
        let item = self.table(connection).get(place(subject), Consistency::Strong).await?;
        let found = match item {
            Some(item) => self.read(subject, &item)?,
            None => Subject::Unknown,
        };
        // One that has none may get one at any time.
        if !matches!(found, Subject::Unknown) {
            self.remember(subject, found.clone());
        }
        Ok(found)
    }

    /// A subject's key, which is made if it never had one; `None` if it was destroyed. One that is
    /// new most likely has none: then it costs a write alone.
    pub(crate) async fn to_write(
        &self,
        connection: &Connection,
        subject: &StreamName,
        now: Timestamp,
        is_new: bool,
    ) -> Result<Option<Arc<SubjectKey>>, StoreError> {
        let mut known = match self.remembered(subject) {
            None if is_new => Subject::Unknown,
            None => self.of(connection, subject).await?,
            Some(known) => known,
        };
        if matches!(known, Subject::Unknown) {
            let item = self.made(subject, now)?;
            // Two may make one at once: the first that is put counts.
            if self.table(connection).put_if(item.clone(), Condition::absent()).await? {
                known = self.read(subject, &item)?;
                self.remember(subject, known.clone());
            } else {
                known = self.of(connection, subject).await?;
            }
        }
        match known {
            Subject::Key(key) => Ok(Some(key)),
            Subject::Erased => Ok(None),
            Subject::Unknown => {
                let lost = format!("the key of {subject} was made, and is not there");
                Err(StoreError::Refused(lost))
            }
        }
    }

    /// Whether a subject's key was destroyed, whatever this process remembers.
    pub(crate) async fn is_destroyed(
        &self,
        connection: &Connection,
        subject: &StreamName,
    ) -> Result<bool, StoreError> {
        let item = self.table(connection).get(place(subject), Consistency::Strong).await?;
        Ok(item.is_some_and(|item| item.contains_key("x")))
    }

    /// Destroys a subject's key for ever, whether it had one or not. It is done again without harm:
    /// the first time counts. A process that knows the key forgets it within five minutes, this one
    /// at once.
    pub(crate) async fn destroy(
        &self,
        connection: &Connection,
        subject: &StreamName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = place(subject).into_item();
        item.insert("x".to_owned(), AttributeValue::N(now.as_millisecond().to_string()));
        let not_yet = Condition { expression: "attribute_not_exists(x)", values: Vec::new() };
        self.table(connection).put_if(item, not_yet).await?;
        self.remember(subject, Subject::Erased);
        Ok(())
    }

    /// A new key as an item.
    fn made(&self, subject: &StreamName, now: Timestamp) -> Result<Item, StoreError> {
        let failed = |_| StoreError::Refused("there is no randomness for a key".to_owned());
        let mut key = vec![0; KEY_LEN];
        rand::fill(&mut key).map_err(failed)?;
        let sealed = self.0.master.cipher().seal(key, bound(subject).as_bytes())?;
        let mut item = place(subject).into_item();
        item.insert("k".to_owned(), AttributeValue::B(Blob::new(sealed)));
        let master = self.0.master.fingerprint().to_owned();
        item.insert("m".to_owned(), AttributeValue::S(master));
        item.insert("c".to_owned(), AttributeValue::N(now.as_millisecond().to_string()));
        Ok(item)
    }

    fn read(&self, subject: &StreamName, item: &Item) -> Result<Subject, StoreError> {
        if item.contains_key("x") {
            return Ok(Subject::Erased);
        }
        let own = self.0.master.fingerprint();
        let master = item.get("m").and_then(|master| master.as_s().ok());
        if master.is_none_or(|master| master != own) {
            return Err(StoreError::OtherMasterKey {
                subject: subject.clone(),
                own: own.to_owned(),
                other: master.cloned().unwrap_or_default(),
            });
        }
        let sealed = item.get("k").and_then(|key| key.as_b().ok());
        let key = sealed
            .and_then(|sealed| {
                self.0.master.cipher().open(sealed.as_ref(), bound(subject).as_bytes())
            })
            .and_then(|key| Cipher::new(&key));
        let key = key.ok_or_else(|| {
            StoreError::Refused(format!("the key of {subject} is not what was stored"))
        })?;
        Ok(Subject::Key(Arc::new(SubjectKey(key))))
    }

    fn table(&self, connection: &Connection) -> Table {
        Table::new(connection, self.0.table.clone())
    }

    fn remembered(&self, subject: &StreamName) -> Option<Subject> {
        let mut known = self.lock();
        let (found, since) = known.get(subject)?.clone();
        if since.elapsed() < REMEMBERED {
            return Some(found);
        }
        known.pop(subject);
        None
    }

    fn remember(&self, subject: &StreamName, found: Subject) {
        let mut known = self.lock();
        known.put(subject.clone(), (found, Instant::now()));
        while known.len() > MOST {
            known.pop_lru();
        }
    }

    // A panic elsewhere cannot leave a map of whole entries half changed.
    fn lock(&self) -> MutexGuard<'_, LruCache<StreamName, (Subject, Instant)>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(subject: &StreamName) -> Key {
    Key { pk: subject.to_string(), sk: SORT_KEY.to_owned() }
}

/// A key is opened as the key of its subject alone.
fn bound(subject: &StreamName) -> String {
    format!("key\n{subject}")
}
