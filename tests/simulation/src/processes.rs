//! The functions' processes: each serves one request at a time and remembers what it has seen,
//! until it dies or is replaced.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use headwater_lambda::App;
use tokio::time::timeout;

use crate::cloud::Cloud;
use crate::plan::Trouble;
use crate::service;

/// How many idle processes of a function are kept.
const MOST_IDLE: usize = 2;

/// How likely a process is to die in an invocation.
const DEADLY: f64 = 0.08;

/// A process of a function.
pub(crate) struct Process {
    pub(crate) app: App,
    /// Which build it runs.
    pub(crate) build: u32,
}

/// The processes of one function.
pub(crate) struct Pool {
    cloud: Cloud,
    idle: Mutex<Vec<Arc<Process>>>,
    build: Arc<AtomicU32>,
}

/// A process died, and nobody knows how far it got.
pub(crate) struct Died;

impl Pool {
    /// The processes of a function; new ones run the build that is then deployed.
    pub(crate) fn new(cloud: &Cloud, build: &Arc<AtomicU32>) -> Self {
        Self { cloud: cloud.clone(), idle: Mutex::default(), build: Arc::clone(build) }
    }

    /// Lets an idle process or a new one do something. It may die of it at any moment.
    pub(crate) async fn invoke<T, F: Future<Output = T>>(
        &self,
        work: impl FnOnce(Arc<Process>) -> F,
    ) -> Result<T, Died> {
        let process = self.take().await;
        let work = work(Arc::clone(&process));
        let done = if self.cloud.strikes(Trouble::Crashes, DEADLY) {
            let life = self.cloud.chance().millis(300);
            timeout(life, work).await.map_err(|_| Died)?
        } else {
            work.await
        };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE && !self.cloud.strikes(Trouble::Crashes, DEADLY) {
            idle.push(process);
        }
        Ok(done)
    }

    async fn take(&self) -> Arc<Process> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            // A deployment lets the processes of the old build finish what they do, and some time
            // longer.
            Some(process)
                if process.build == self.build.load(Relaxed)
                    || self.cloud.chance().happens(0.7) =>
            {
                process
            }
            _ => Arc::new(Process {
                build: self.build.load(Relaxed),
                app: service::open(&self.cloud).await,
            }),
        }
    }
}
