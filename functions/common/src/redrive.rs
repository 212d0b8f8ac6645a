use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use headwater_dynamodb::EventStore;
use headwater_kinesis::Publisher;
use headwater_lambda::deployment::{
    COMMITS_STREAM, EVENTS_TABLE, FAILURES_BUCKET, LIST_FAILURES, Role, SourceKind, Statement,
    Trigger,
};
use headwater_lambda::{App, Function, Service, metric};
use headwater_pipeline::{Failures, FailuresError, Kind, Stored, Target};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use self::memory::Memory;
use crate::relay::report;

mod memory;

/// How many objects one list call brings: the most that S3 gives.
const PAGE: usize = 1_000;

/// How many objects are worked on at a time.
const AT_ONCE: usize = 8;

/// What a run keeps of its time, to say what it found.
const RESERVE: Duration = Duration::from_secs(3);

/// Schedule → streams: batches that a function behind a stream gave up are in the failures bucket,
/// the whole event in an object. Its records are put back where they came from, and then the object
/// is deleted. Records of the DynamoDB stream are put as the relay would have put them.
///
/// A run goes through all objects, the oldest first, until its time is up. What cannot be put back
/// holds up nothing.
///
/// | metric | |
/// |---|---|
/// | `Redriven` | objects that were put back |
/// | `FailureObjects` | objects that are left and can be put back, or were not tried |
/// | `FailureAgeSeconds` | how old the oldest failure is: of an object that is left, or of a record that is given up anew each time |
/// | `UnreadableObjects` | objects that are no batches |
/// | `RefusedRecords` | records that their functions refuse for good |
pub(crate) fn redrive(services: &[Service]) -> Function {
    let memory: Arc<Mutex<Memory>> = Arc::default();
    Function::each_minute("redrive", role(services), move |app: Arc<App>, deadline| {
        let memory = Arc::clone(&memory);
        async move {
            let failures = Failures::connect(app.failures_bucket()?).await;
            let publisher = |target: &Target| match target {
                Target::Commits => {
                    app.publisher("COMMITS_STREAM").cloned().map_err(|error| error.to_string())
                }
                Target::Stream(name) => {
                    app.publisher_to(name).cloned().map_err(|error| error.to_string())
                }
            };
            let run = Run::of(
                &failures,
                &app.whole_store()?,
                &mut *memory.lock().await,
                publisher,
                deadline.checked_sub(RESERVE).unwrap_or(deadline),
            )
            .await?;
            run.tell();
            Ok(())
        }
    })
}

/// It may put records on the commits stream, and on all streams that a function of these services
/// reads: the variable of `!GetAtt GrantsStream.Arn` is `GRANTS_STREAM`.
fn role(services: &[Service]) -> &'static Role {
    let sources = services.iter().flat_map(|service| &service.functions).filter_map(|function| {
        let Trigger::Stream(source) = &function.trigger else { return None };
        (source.kind == SourceKind::Kinesis).then_some(source.stream)
    });
    let (mut variables, mut streams) =
        (vec![EVENTS_TABLE, COMMITS_STREAM], vec!["!GetAtt CommitsStream.Arn"]);
    for stream in sources {
        let named = stream.strip_prefix("!GetAtt ").and_then(|name| name.strip_suffix(".Arn"));
        if let Some(resource) = named.filter(|_| !streams.contains(&stream)) {
            streams.push(stream);
            variables.push((
                String::leak(variable_of(resource)),
                String::leak(format!("!Ref {resource}")),
            ));
        }
    }
    variables[2..].sort_unstable();
    streams[1..].sort_unstable();
    variables.push(FAILURES_BUCKET);
    // Made once in a process, for as long as it lives.
    let put = Statement { actions: &["kinesis:PutRecords"], resources: Vec::leak(streams) };
    Box::leak(Box::new(Role {
        name: "Redrive",
        variables: Vec::leak(variables),
        statements: Vec::leak(vec![
            put,
            LIST_FAILURES,
            Statement {
                actions: &["s3:GetObject", "s3:DeleteObject"],
                resources: &["!Sub ${FailuresBucket.Arn}/*"],
            },
        ]),
    }))
}

/// `GrantsStream` is `GRANTS_STREAM`.
fn variable_of(resource: &str) -> String {
    let mut variable = String::new();
    for letter in resource.chars() {
        if letter.is_uppercase() && !variable.is_empty() {
            variable.push('_');
        }
        variable.extend(letter.to_uppercase());
    }
    variable
}

/// What a run came to.
#[derive(Debug, Default, PartialEq)]
struct Run {
    redriven: usize,
    left: usize,
    unreadable: usize,
    refused: usize,
    /// How old the oldest failure is, in seconds.
    age: f64,
}

impl Run {
    async fn of(
        failures: &Failures,
        store: &EventStore,
        memory: &mut Memory,
        publisher: impl Fn(&Target) -> Result<Publisher, String>,
        until: Instant,
    ) -> Result<Self, FailuresError> {
        let found = list(failures, until).await?;
        let refused = found.iter().filter(|stored| stored.kind() == Kind::Refused).count();
        let queue = memory.order(&found);
        let (mut redriven, mut left): (usize, HashSet<Stored>) =
            (0, queue.iter().cloned().collect());
        let publisher = &publisher;
        let attempts = queue
            .into_iter()
            .map(|stored| async move { (failures.replay(&stored.key, publisher).await, stored) });
        let attempts: Vec<_> = attempts.collect();
        let mut attempts = futures::stream::iter(attempts).buffer_unordered(AT_ONCE);
        while let Ok(Some((outcome, stored))) = timeout_at(until.into(), attempts.next()).await {
            match outcome {
                Ok(failure) => {
                    left.remove(&stored);
                    redriven += 1;
                    for tampering in &failure.tampering {
                        // The object is gone: what is not known for sure is told.
                        if !tampering.was_archived(store).await.unwrap_or(false) {
                            report(tampering);
                        }
                    }
                    memory.put_back(&failure);
                }
                Err(FailuresError::Absent) => {
                    // It was put back by somebody else.
                    left.remove(&stored);
                }
                Err(FailuresError::Unreadable(error)) => {
                    tracing::error!(key = stored.key, %error, "an object is no batch");
                    left.remove(&stored);
                    memory.unreadable(stored);
                }
                Err(error) => {
                    tracing::error!(key = stored.key, %error, "an object could not be redriven");
                    memory.held_up(stored);
                }
            }
        }
        let now = Timestamp::now();
        let oldest = left.iter().map(|stored| stored.at).chain(memory.recurring_since(now)).min();
        let age = oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
        Ok(Self { redriven, left: left.len(), unreadable: memory.count_unreadable(), refused, age })
    }

    fn tell(&self) {
        metric("pipeline", "Redriven", self.redriven as f64);
        metric("pipeline", "FailureObjects", self.left as f64);
        metric("pipeline", "FailureAgeSeconds", self.age);
        metric("pipeline", "UnreadableObjects", self.unreadable as f64);
        metric("pipeline", "RefusedRecords", self.refused as f64);
    }
}

/// All objects, or as many as half of the time brings.
async fn list(failures: &Failures, until: Instant) -> Result<Vec<Stored>, FailuresError> {
    let now = Instant::now();
    let until = now + until.saturating_duration_since(now) / 2;
    let mut found: Vec<Stored> = Vec::new();
    while Instant::now() < until {
        let page = failures.page(found.last().map(|stored| stored.key.as_str()), PAGE).await?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    Ok(found)
}
