//! Runs functions: starts their processes on demand, one request at a time in each, up to a bound.
//! Above it requests are refused where the template reserves concurrency, as Lambda does it; else
//! they queue, since one machine is small.

mod instance;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use uuid::Uuid;

use crate::runtime_api::{self, Answer, Invocation, Mailboxes};
use crate::template::Function;
use instance::Instance;

pub use instance::exit_with_parent;

/// Instances of a function for which nothing is reserved.
const DEFAULT_CONCURRENCY: u32 = 10;
/// How long Lambda lets a function start, before it tries again within the time of the first
/// invocation.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an instance is kept without work.
const IDLE: Duration = Duration::from_secs(60);

/// How function processes are started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The executable that runs the function which `_HANDLER` names.
    pub executable: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where `<function>.log` files go.
    pub logs: PathBuf,
    /// Whether logs go to standard error as well.
    pub verbose: bool,
}

/// A function with what its processes get on top of the template's environment: credentials and
/// endpoints.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The function as the template has it.
    pub function: Function,
    /// More environment variables.
    pub environment: Vec<(String, String)>,
}

/// Runs the functions of one platform. Clones are the same host.
#[derive(Clone)]
pub struct Host {
    pools: Arc<HashMap<String, Arc<Pool>>>,
}

/// How an invocation failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvokeError {
    /// The template has no such function.
    #[error("there is no function {0}")]
    Unknown(String),
    /// The handler, or the start, answered with an error: `{"errorType", "errorMessage"}`.
    #[error("the function failed: {0}")]
    Function(Value),
    /// The function was killed at its timeout.
    #[error("the function timed out after {0:?}")]
    TimedOut(Duration),
    /// As many instances are busy as the template reserves for the function; it was not invoked.
    #[error("the function has no concurrency left")]
    Throttled,
    /// The process ended before it answered.
    #[error("the function's process ended")]
    Crashed,
    /// The process could not be started.
    #[error("the function's process could not be started: {0}")]
    Start(String),
}

impl Host {
    /// Starts a Runtime API for these functions; processes start when they are needed.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(launch: Launch, deployments: Vec<Deployment>) -> Result<Self> {
        let mailboxes = Mailboxes::default();
        let address = runtime_api::serve(mailboxes.clone()).await?;
        let runtime = Arc::new(Runtime { launch, mailboxes, address });
        let pools = deployments.into_iter().map(|deployment| {
            let name = deployment.function.name.clone();
            (name, Arc::new(Pool::new(deployment, runtime.clone())))
        });
        let host = Self { pools: Arc::new(pools.collect()) };
        tokio::spawn(host.clone().retire_idle());
        Ok(host)
    }

    /// Runs a function once and waits for its answer. It goes on to its end even if the caller
    /// stops waiting.
    ///
    /// # Errors
    /// When the function failed in one of the ways of [`InvokeError`].
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        let pool = self.pools.get(function).cloned();
        let pool = pool.ok_or_else(|| InvokeError::Unknown(function.to_owned()))?;
        let run = tokio::spawn(async move { pool.invoke(payload).await });
        run.await.unwrap_or(Err(InvokeError::Crashed))
    }

    /// Kills every process of a function; the answer is their number, `None` for an unknown
    /// function.
    pub fn kill(&self, function: &str) -> Option<usize> {
        self.pools.get(function).map(|pool| pool.kill_all())
    }

    /// Kills every process.
    pub fn shutdown(&self) {
        for pool in self.pools.values() {
            pool.kill_all();
        }
    }

    async fn retire_idle(self) {
        loop {
            tokio::time::sleep(IDLE / 10).await;
            for pool in self.pools.values() {
                pool.retire(Instant::now());
            }
        }
    }
}

/// What all instances share.
struct Runtime {
    launch: Launch,
    mailboxes: Mailboxes,
    /// Where the Runtime API listens.
    address: String,
}

/// The instances of one function.
struct Pool {
    deployment: Deployment,
    runtime: Arc<Runtime>,
    slots: Semaphore,
    instances: Mutex<Instances>,
}

#[derive(Default)]
struct Instances {
    /// Every living instance.
    all: Vec<Arc<Instance>>,
    /// Those without work, with the time at which they ended the last; the most recent at the end.
    idle: Vec<(Instant, Arc<Instance>)>,
}

impl Pool {
    fn new(deployment: Deployment, runtime: Arc<Runtime>) -> Self {
        let bound = deployment.function.reserved_concurrency.unwrap_or(DEFAULT_CONCURRENCY);
        let slots = Semaphore::new(bound as usize);
        Self { deployment, runtime, slots, instances: Mutex::default() }
    }

    async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        let _slot = self.slot().await?;
        let instance = self.idle_or_new()?;
        let function = &self.deployment.function;
        let (taken, on_taken) = oneshot::channel();
        let (reply, on_reply) = oneshot::channel();
        instance.mailbox.deliver(Invocation {
            request_id: Uuid::now_v7(),
            function_arn: function.arn.clone(),
            payload,
            timeout: function.timeout,
            taken,
            reply,
        });
        match wait(on_taken, on_reply, function.timeout).await {
            Ok(Answer::Success(answer)) => {
                self.put_back(instance);
                Ok(answer)
            }
            Ok(Answer::Error(error)) => {
                // A handler's error leaves the process alive; one that failed to start has closed
                // its mailbox.
                self.put_back(instance);
                Err(InvokeError::Function(serde_json::from_slice(&error).unwrap_or_default()))
            }
            Err(error) => {
                self.discard(&instance);
                Err(error)
            }
        }
    }

    async fn slot(&self) -> Result<SemaphorePermit<'_>, InvokeError> {
        match self.deployment.function.reserved_concurrency {
            Some(_) => self.slots.try_acquire().map_err(|_| InvokeError::Throttled),
            None => self.slots.acquire().await.map_err(|_| InvokeError::Crashed),
        }
    }

    fn idle_or_new(&self) -> Result<Arc<Instance>, InvokeError> {
        let mut instances = self.lock();
        while let Some((_, instance)) = instances.idle.pop() {
            if !instance.mailbox.is_closed() {
                return Ok(instance);
            }
        }
        instances.all.retain(|instance| !instance.mailbox.is_closed());
        let instance = Instance::start(&self.runtime, &self.deployment)
            .map_err(|error| InvokeError::Start(error.to_string()))?;
        let instance = Arc::new(instance);
        instances.all.push(instance.clone());
        Ok(instance)
    }

    fn put_back(&self, instance: Arc<Instance>) {
        self.lock().idle.push((Instant::now(), instance));
    }

    fn discard(&self, instance: &Arc<Instance>) {
        instance.kill();
        self.lock().all.retain(|other| !Arc::ptr_eq(other, instance));
    }

    fn kill_all(&self) -> usize {
        let mut instances = self.lock();
        instances.idle.clear();
        let living = instances.all.drain(..).filter(|instance| !instance.mailbox.is_closed());
        living.inspect(|instance| instance.kill()).count()
    }

    fn retire(&self, now: Instant) {
        let mut instances = self.lock();
        let (old, fresh) = std::mem::take(&mut instances.idle)
            .into_iter()
            .partition(|(since, _)| now.duration_since(*since) >= IDLE);
        instances.idle = fresh;
        let old: Vec<(Instant, Arc<Instance>)> = old;
        for (_, instance) in old {
            instance.kill();
            instances.all.retain(|other| !Arc::ptr_eq(other, &instance));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Instances> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the function to take the event, then for its answer.
async fn wait(
    taken: oneshot::Receiver<()>,
    reply: oneshot::Receiver<Answer>,
    timeout: Duration,
) -> Result<Answer, InvokeError> {
    match tokio::time::timeout(START_TIMEOUT + timeout, taken).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(InvokeError::Crashed),
        Err(_) => return Err(InvokeError::TimedOut(START_TIMEOUT + timeout)),
    }
    match tokio::time::timeout(timeout, reply).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(InvokeError::Crashed),
        Err(_) => Err(InvokeError::TimedOut(timeout)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool whose processes never ask for work: `cat` lives until its input ends.
    fn pool() -> Pool {
        let launch = Launch {
            executable: "/bin/cat".into(),
            arguments: Vec::new(),
            logs: std::env::temp_dir(),
            verbose: false,
        };
        let runtime =
            Runtime { launch, mailboxes: Mailboxes::default(), address: "127.0.0.1:1".into() };
        let function = Function::for_test("headwater-host-test", Vec::new());
        Pool::new(Deployment { function, environment: Vec::new() }, Arc::new(runtime))
    }

    #[tokio::test]
    async fn an_instance_is_retired_when_it_had_no_work_for_a_minute() {
        let pool = pool();
        let instance = pool.idle_or_new().unwrap();
        pool.put_back(instance.clone());
        pool.retire(Instant::now() + IDLE - Duration::from_secs(1));
        assert!(!instance.mailbox.is_closed());
        pool.retire(Instant::now() + IDLE);
        assert!(instance.mailbox.is_closed());
        assert_eq!(pool.kill_all(), 0, "it is gone");
    }

    #[tokio::test]
    async fn the_instance_that_worked_last_works_next() {
        let pool = pool();
        let (first, second) = (pool.idle_or_new().unwrap(), pool.idle_or_new().unwrap());
        pool.put_back(first.clone());
        pool.put_back(second.clone());
        assert!(Arc::ptr_eq(&pool.idle_or_new().unwrap(), &second));
        first.kill();
        let third = pool.idle_or_new().unwrap();
        assert!(!Arc::ptr_eq(&third, &first), "a dead one never works again");
        assert_eq!(pool.kill_all(), 2);
    }
}
