//! DynamoDB, its stream, and Kinesis, as the processes see them through the AWS SDK: requests
//! arrive late or not at all, replies get lost, and what was given up on may still be carried out.

mod kinesis;
mod objects;
mod observe;
mod tables;
mod torn;
mod weather;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::checksum_config::RequestChecksumCalculation;
use headwater_dynamodb::{Archive, EventStore, StoreConfig, connect};
use headwater_pipeline::ArchiveBucket;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use self::kinesis::Kinesis;
pub(crate) use self::kinesis::{Queue, Reader, Record};
use self::objects::{Asked, Objects};
pub(crate) use self::tables::StreamRecord;
use self::tables::{CarriedOut, TableStream, Tables};
use self::torn::Step;
pub(crate) use self::weather::LONGEST_LAG;
use self::weather::{Fate, Weather};
use crate::chance::Chance;
use crate::history::History;
use crate::plan::{Plan, Trouble};
use crate::service::keys;

/// Virtual time at which a run begins: 2026-09-21, in milliseconds since the epoch.
const BEGINNING: i64 = 1_790_000_000_000;

/// Everything outside the processes. Clones are the same.
#[derive(Clone)]
pub(crate) struct Cloud {
    inner: Arc<Inner>,
}

struct Inner {
    chance: Chance,
    weather: Weather,
    began: Instant,
    state: Mutex<State>,
}

/// What is stored, and what was seen.
pub(crate) struct State {
    tables: Tables,
    kinesis: Kinesis,
    objects: Objects,
    /// The stream of the events table.
    pub(crate) stream: TableStream,
    pub(crate) history: History,
    /// Requests that have not been answered.
    under_way: usize,
    /// A digest of the course so far.
    course: DefaultHasher,
    requests: u64,
    log: Option<Vec<String>>,
}

impl Cloud {
    pub(crate) fn new(plan: &Plan, chance: Chance, is_logged: bool) -> Self {
        let state = State {
            tables: Tables::new(),
            kinesis: Kinesis::new(),
            objects: Objects::default(),
            stream: TableStream::default(),
            history: History::default(),
            under_way: 0,
            course: DefaultHasher::new(),
            requests: 0,
            log: is_logged.then(Vec::new),
        };
        let weather = Weather::new(plan, chance.clone());
        Self {
            inner: Arc::new(Inner {
                chance,
                weather,
                began: Instant::now(),
                state: Mutex::new(state),
            }),
        }
    }

    /// How a process gets here.
    pub(crate) fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(Line(self.clone()));
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .endpoint_url("http://simulated")
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "key",
                "secret",
                None,
                None,
                "simulation",
            )))
            .retry_config(RetryConfig::disabled())
            // Otherwise bodies are sent in chunks, with their checksums behind them.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn chance(&self) -> &Chance {
        &self.inner.chance
    }

    /// Whether a trouble comes up here and now, where it can be so likely.
    pub(crate) fn strikes(&self, trouble: Trouble, likely: f64) -> bool {
        self.inner.weather.strikes(trouble, likely)
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.inner.weather.is_calm()
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        self.inner.weather.calm();
    }

    /// The tables and the archive, as a process of a person's own reaches them.
    pub(crate) fn store(&self) -> EventStore {
        let config = StoreConfig {
            events_table: "events".to_owned(),
            idempotency_table: None,
            unique_key: None,
        };
        let objects = ArchiveBucket::new(&self.config(), "archive");
        let archive = Archive::new("archive", Arc::new(objects));
        EventStore::with_archive(connect(&self.config()), config, archive).with_keys(keys())
    }

    /// By how much a clock is wrong, in milliseconds.
    pub(crate) fn skew(&self) -> i64 {
        if self.strikes(Trouble::Skew, 1.0) {
            self.chance().between(0, 10_000) as i64 - 5_000
        } else {
            0
        }
    }

    /// How long the run lasts by now.
    pub(crate) fn elapsed(&self) -> Duration {
        self.inner.began.elapsed()
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        BEGINNING + i64::try_from(self.inner.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Writes down what happens, if that is wanted.
    pub(crate) fn log(&self, what: impl FnOnce() -> String) {
        let elapsed = self.inner.began.elapsed();
        let mut state = self.state();
        if let Some(log) = &mut state.log {
            log.push(format!("{:>9.3} {}", elapsed.as_secs_f64(), what()));
        }
    }

    /// One request, from its departure to its reply.
    async fn request(
        &self,
        operation: String,
        object: Option<Asked>,
        body: Vec<u8>,
    ) -> Result<HttpResponse, ConnectorError> {
        let fate = self.inner.weather.fate(&operation);
        let (there, back) = (self.inner.weather.delay(), self.inner.weather.delay());
        if fate == Fate::NeverArrives {
            sleep(there).await;
            return Err(ConnectorError::io("the connection was lost".into()));
        }
        // It is on its way, whatever becomes of its sender.
        self.state().under_way += 1;
        let cloud = self.clone();
        let service = tokio::spawn(async move {
            sleep(there).await;
            let reply = match fate {
                // S3 refuses with another status, as if it had failed.
                Fate::Refused { .. } if object.is_some() => (503, Vec::new()),
                Fate::Refused { status, body } => (status, body.into()),
                _ => match &object {
                    Some(asked) => cloud.state().objects.carry_out(asked, body.clone()),
                    None => {
                        let ((status, reply), steps) = cloud.carry_out(&operation, &body);
                        cloud.show(steps).await;
                        (status, reply.into_bytes())
                    }
                },
            };
            cloud.note(&operation, &body, &reply);
            sleep(back).await;
            cloud.state().under_way -= 1;
            reply
        });
        let (status, body) =
            service.await.map_err(|panic| ConnectorError::other(panic.into(), None))?;
        match fate {
            Fate::ReplyLost => Err(ConnectorError::io("the reply was lost".into())),
            Fate::FailsAfterwards => {
                Ok(response(500, br#"{"__type":"InternalServerError"}"#.to_vec()))
            }
            _ => Ok(response(status, body)),
        }
    }

    /// Carries a request out; gives the answer, and what of a transaction is yet to happen.
    fn carry_out(&self, operation: &str, body: &[u8]) -> ((u16, String), Vec<Step>) {
        let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
        let now = self.inner.began.elapsed();
        let mut state = self.state();
        if operation == "PutRecords" {
            return (
                (200, state.kinesis.put_records(&request, &self.inner.weather).to_string()),
                Vec::new(),
            );
        }
        self.inner.weather.bend(operation, &mut request);
        let State { tables, stream, history, .. } = &mut *state;
        let CarriedOut { status, body, written, visible, steps } =
            tables.carry_out(operation, request, now, &self.inner.weather);
        observe::removed(&written, tables, history);
        observe::decided(written, now, tables, history);
        observe::visible(visible, stream, history, &self.inner.chance);
        ((status, body), steps)
    }

    /// Lets the items of a transaction become visible, each at its time.
    async fn show(&self, steps: Vec<Step>) {
        let decided = Instant::now();
        for step in steps {
            sleep_until(decided + step.after).await;
            let now = self.inner.began.elapsed();
            let State { tables, stream, history, .. } = &mut *self.state();
            let visible = tables.advance(&step, now, &self.inner.weather);
            observe::visible(visible, stream, history, &self.inner.chance);
        }
    }

    /// Splits a shard of the commits stream, and gives its children.
    pub(crate) fn split_shard(&self, shard: usize) -> Option<[usize; 2]> {
        self.state().kinesis.split(shard)
    }

    fn note(&self, operation: &str, body: &[u8], (status, reply): &(u16, Vec<u8>)) {
        let elapsed = self.inner.began.elapsed();
        let mut state = self.state();
        state.requests += 1;
        (elapsed, operation, status).hash(&mut state.course);
        if let Some(log) = &mut state.log {
            log.push(format!(
                "{:>9.3} {operation} {} -> {status} {}",
                elapsed.as_secs_f64(),
                brief(body),
                String::from_utf8_lossy(if *status < 300 { &[] } else { reply })
            ));
        }
    }
}

impl State {
    /// What a shard of the commits stream holds for a reader.
    pub(crate) fn queue(&mut self, shard: usize, reader: Reader) -> &mut Queue {
        self.kinesis.queue(shard, reader)
    }

    /// Whether nothing is on its way, and no stream waits to be taken up.
    pub(crate) fn is_quiet(&self) -> bool {
        let waits =
            |item: &serde_dynamo::Item| item.contains_key("newer") || item.contains_key("resumed");
        self.under_way == 0
            && self.stream.shards.iter().all(VecDeque::is_empty)
            && self.kinesis.is_drained()
            && !self.tables.items("views").iter().any(waits)
    }

    /// Every item of a table.
    pub(crate) fn items(&self, table: &str) -> Vec<serde_dynamo::Item> {
        self.tables.items(table)
    }

    /// Some bytes of an object of the archive.
    pub(crate) fn part(&self, key: &str, first: usize, length: usize) -> Option<&[u8]> {
        self.objects.part(key, first, length)
    }

    /// A digest of the course so far, and how many requests there were.
    pub(crate) fn course(&self) -> (u64, u64) {
        (self.course.finish(), self.requests)
    }

    /// What was written down.
    pub(crate) fn take_log(&mut self) -> Vec<String> {
        self.log.take().unwrap_or_default()
    }
}

/// The way from a process to here.
struct Line(Cloud);

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().map(<[u8]>::to_vec).unwrap_or_default();
        // S3 has no targets.
        let (operation, object) = match request.headers().get("x-amz-target") {
            Some(target) => (target.rsplit('.').next().unwrap_or_default().to_owned(), None),
            None => {
                let asked = Asked::read(&request);
                (asked.operation().to_owned(), Some(asked))
            }
        };
        let cloud = self.0.clone();
        HttpConnectorFuture::new(async move { cloud.request(operation, object, body).await })
    }
}

fn response(status: u16, body: Vec<u8>) -> HttpResponse {
    let status = aws_smithy_runtime_api::http::StatusCode::try_from(status).unwrap();
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

/// As much of a request as one wants to read in a log.
fn brief(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(400).collect()
}

/// How long it takes until nothing of what was given up on is under way any more.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_secs(8);
