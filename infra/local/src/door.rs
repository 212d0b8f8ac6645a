//! The door before DynamoDB, Kinesis and S3, through which functions come.
//!
//! It knows the caller by the access key and refuses what that function's role in the template
//! doesn't allow. It also counts calls and capacity units, and injects faults. One URL serves all
//! three services: a signed request names its service. Signatures are not checked.
//!
//! A call goes through these modules in this order: `call` reads it, `policy` says what it needs,
//! `faults` whether it goes wrong, and `torn` whether it meets a transaction that is under way.
//! Then `forward` sends it on, and `capacity` reads from the answer what it cost, for the `meter`.
//! `writes` tells those who read streams.

mod call;
mod capacity;
mod faults;
mod forward;
mod meter;
mod policy;
mod put_records;
mod refusals;
mod torn;
mod writes;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use fastrand::Rng;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::emulators::Emulators;
use crate::loopback::is_from_here;
use crate::template::Template;
use call::AwsCall;
use capacity::Asked;
use faults::{Fault, Faults};
use forward::{Backends, Reply};
use meter::Meter;
use policy::Caller;
use torn::Torn;
pub use writes::Writes;

/// The access key with which a person's own tools may do everything, with any secret.
pub const OPERATOR: &str = "headwater";
/// The secret of every key. It is not checked.
const SECRET: &str = "local";
/// How long a call with the fault `timeout` is held: longer than a client should wait.
const HELD: Duration = Duration::from_secs(30);

/// The open door. It closes when this is dropped.
#[derive(Debug)]
pub struct Door {
    desk: Arc<Desk>,
    endpoint: String,
    /// Dropping the set ends the server and its connections.
    _server: JoinSet<()>,
}

/// What every connection shares.
#[derive(Debug)]
struct Desk {
    callers: HashMap<String, Caller>,
    /// The names of the tables.
    tables: HashSet<String>,
    faults: Faults,
    meter: Meter,
    torn: Torn,
    writes: Writes,
    backends: Backends,
}

/// An answer to a call.
type Answer = http::Response<Full<Bytes>>;

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was dropped on purpose")]
struct Dropped;

impl Door {
    /// Opens the door on a free loopback port, for the functions of the template. With a seed for
    /// `chaos`, calls go wrong now and then, in the same order for the same seed.
    ///
    /// # Errors
    /// When no port can be had, or DynamoDB doesn't answer.
    pub async fn start(
        template: &Template,
        emulators: &Emulators,
        chaos: Option<u64>,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let functions =
            template.functions.iter().map(|f| (f.name.clone(), Caller::function(&f.name, &f.role)));
        let desk = Arc::new(Desk {
            callers: functions.chain([(OPERATOR.to_owned(), Caller::Operator)]).collect(),
            tables: template.tables.iter().map(|table| table.name.clone()).collect(),
            faults: Faults::new(chaos),
            meter: Meter::default(),
            torn: Torn::start(template, emulators).await?,
            writes: Writes::default(),
            backends: Backends::new(emulators)?,
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&desk)));
        Ok(Self { desk, endpoint, _server: server })
    }

    /// The URL for `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_KINESIS` and
    /// `AWS_ENDPOINT_URL_S3` alike.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The access key and the secret of a function (or the [`OPERATOR`]). The key is the function's
    /// name, so that a person's own tools can act as it.
    pub fn credentials_for(&self, function: &str) -> (String, String) {
        (function.to_owned(), SECRET.to_owned())
    }

    /// What each function has used since the last reset:
    /// `{"<function>": {"<Operation>": {"calls", "readUnits", "writeUnits"}}}`. Every call that
    /// arrives is counted, refused ones too; units are what DynamoDB would bill.
    pub fn meter(&self) -> Value {
        self.desk.meter.read()
    }

    /// Resets the counters.
    pub fn reset_meter(&self) {
        self.desk.meter.reset();
    }

    /// Makes calls go wrong:
    /// `{"service", "fault", "rate", "function"?, "table"?, "seconds"?}`.
    ///
    /// `service` is `dynamodb` or `kinesis`; `fault` one of `unreachable`, `throttle`, `timeout`,
    /// `lost-reply`, `transaction-conflict`, `torn` (DynamoDB), `partial-failure`, `duplicate`,
    /// `reorder` (Kinesis) or `none`; `rate` from 0 to 1 is the share of calls that go wrong;
    /// without `function` all functions are meant, without `table` all tables, without `seconds`
    /// until further notice. A fault replaces the one before of the same service, function and
    /// table; `none` without both ends all of that service. The operator's calls never go wrong.
    ///
    /// # Errors
    /// Why the request is refused, for its sender.
    pub fn set_fault(&self, request: Value) -> Result<(), String> {
        let request: faults::Request =
            serde_json::from_value(request).map_err(|error| error.to_string())?;
        if let Some(function) = &request.function
            && !matches!(self.desk.callers.get(function), Some(Caller::Function { .. }))
        {
            return Err(format!("the template has no function {function}"));
        }
        let is_unknown = |table: &&String| !self.desk.tables.contains(*table);
        if let Some(table) = request.table.as_ref().filter(is_unknown) {
            return Err(format!("the template has no table {table}"));
        }
        self.desk.faults.set(request)
    }

    /// What is written through the door.
    pub fn writes(&self) -> &Writes {
        &self.desk.writes
    }

    /// Every fault that there is, by service, with how many calls it has struck since the start:
    /// `{"dynamodb": {"throttle": 3, …}, "kinesis": {…}}`.
    pub fn faults(&self) -> Value {
        self.desk.faults.struck()
    }
}

/// Takes connections. Each is served by hyper itself, because only so it can be closed without an
/// answer.
async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, Arc::clone(&desk)));
            }
            // Out of file descriptors: some will come free.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    // Without this a small answer may wait for the client to acknowledge the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { desk.answer(request).await }
    });
    // Ends with an error whenever the connection is dropped on purpose or by the client.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Desk {
    async fn answer(&self, request: http::Request<Incoming>) -> Result<Answer, Dropped> {
        if !is_from_here(request.headers(), request.uri().authority()) {
            return Ok(refusals::from_elsewhere());
        }
        let call = match AwsCall::read(request).await {
            Ok(call) => call,
            Err(why) => return Ok(refusals::no_call(why)),
        };
        let Some(caller) = self.callers.get(&call.access_key) else {
            return Ok(refusals::unknown_key(call.service));
        };
        self.meter.count_call(&call);
        if let Some(refusal) = caller.refuse(&call) {
            return Ok(refusal);
        }
        let fault = match caller {
            Caller::Function { .. } => self.faults.strike(&call),
            Caller::Operator => None,
        };
        let written = writes::written(&call);
        let answer = self.carry_out(call, fault).await;
        self.writes.tell(&written);
        answer
    }

    async fn carry_out(&self, call: AwsCall, fault: Option<Fault>) -> Result<Answer, Dropped> {
        match fault {
            None => self.send(call).await,
            Some(Fault::Torn(rng)) => self.tear(call, rng).await,
            Some(Fault::Unreachable) => Err(Dropped),
            Some(Fault::Throttle) => Ok(refusals::throttled(&call)),
            Some(Fault::TransactionConflict) => Ok(refusals::transaction_conflict(&call)),
            Some(Fault::Timeout) => {
                tokio::time::sleep(HELD).await;
                Err(Dropped)
            }
            Some(Fault::LostReply) => {
                self.send(call).await?;
                Err(Dropped)
            }
            Some(Fault::PartialFailure(rng)) => put_records::fail_some(self, call, rng).await,
            Some(Fault::Duplicate) => {
                self.send(call.clone()).await?;
                self.send(call).await
            }
            Some(Fault::Reorder(rng)) => put_records::reorder(self, call, rng).await,
        }
    }

    /// Sends a call on and counts what it costs.
    async fn send(&self, mut call: AwsCall) -> Result<Answer, Dropped> {
        let _writing = match self.torn.enter(&call) {
            Ok(writing) => writing,
            Err(answer) => return Ok(*answer),
        };
        let asked = capacity::ask(&mut call);
        let answer = self.backends.send(&call).await?;
        Ok(self.settle(asked, &call, answer))
    }

    /// Carries a transaction out item by item, and counts what it costs.
    async fn tear(&self, mut call: AwsCall, rng: Rng) -> Result<Answer, Dropped> {
        if let Err(answer) = self.torn.enter(&call) {
            return Ok(*answer);
        }
        let asked = capacity::ask(&mut call);
        let answer = self.torn.tear(&self.backends, &call, rng).await?;
        Ok(self.settle(asked, &call, answer))
    }

    fn settle(&self, asked: Option<Asked>, call: &AwsCall, mut answer: Reply) -> Answer {
        if let Some(asked) = asked {
            let units = capacity::settle(&asked, call, &mut answer);
            self.meter.count_units(call, units);
        }
        answer.into_response()
    }
}
