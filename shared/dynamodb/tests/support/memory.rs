//! Objects of an archive, in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use futures::FutureExt;
use futures::future::BoxFuture;
use headwater_dynamodb::{Objects, StoreError};

/// Objects in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// How many more calls succeed; 0 fails once.
    pub(crate) left: Mutex<Option<i64>>,
    pub(crate) calls: AtomicI64,
}

impl Memory {
    fn call(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Relaxed);
        let mut left = self.left.lock().unwrap();
        match &mut *left {
            Some(0) => {
                *left = None;
                Err(StoreError::Unavailable("S3".to_owned()))
            }
            Some(more) => {
                *more -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Objects for Memory {
    fn put<'a>(&'a self, name: &'a str, body: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        let put = self.call().map(|()| {
            self.objects.lock().unwrap().insert(name.to_owned(), body);
        });
        async { put }.boxed()
    }

    fn get<'a>(
        &'a self,
        name: &'a str,
        bytes: Range<u64>,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        let get = self.call().map(|()| {
            let objects = self.objects.lock().unwrap();
            let object = objects.get(name).map_or(&[][..], Vec::as_slice);
            let end = (bytes.end as usize).min(object.len());
            object[(bytes.start as usize).min(end)..end].to_vec()
        });
        async { get }.boxed()
    }
}
