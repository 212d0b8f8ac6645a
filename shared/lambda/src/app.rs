use std::collections::BTreeMap;
use std::env;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use headwater::{ProjectionFn, UniqueKey};
use headwater_dynamodb::{
    Archive, Effects, EventStore, Feed, MasterKey, Projector, StoreConfig, StoreError, SubjectKeys,
    Usage, Views,
};
use headwater_kinesis::Publisher;
use headwater_pipeline::ArchiveBucket;
use lambda_runtime::Error;
use tokio::time::{Instant, timeout};

use crate::{Problem, Request, metric};

/// How long the tables may take to answer during init. If the store is unreachable, the first
/// request still has time to answer 503.
const INIT_PATIENCE: Duration = Duration::from_secs(1);

/// The stores that the function's environment names. Connections are opened before the first
/// request.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::StreamName;
/// use headwater_lambda::{App, Problem, Request};
///
/// /// For a handler of its own: what is in a till, as fresh as the request's tokens demand.
/// async fn cents(app: &App, request: &Request) -> Result<u64, Problem> {
///     let till = StreamName::new(request.tenant(), "shop", "tills", request.path("id"))?;
///     let row = app.row::<TillRow>(request, &till).await?;
///     let (_version, row) = row.ok_or_else(|| Problem::not_found("such till"))?;
///     Ok(row.cents)
/// }
/// ```
pub struct App {
    store: Option<EventStore>,
    views: Option<Views>,
    projectors: Mutex<BTreeMap<String, Arc<Projector>>>,
    feed: Option<Feed>,
    streams: BTreeMap<String, Publisher>,
    variables: BTreeMap<String, String>,
}

impl App {
    /// As [`App::connect`], with the process's own variables and the configuration that the AWS SDK
    /// finds.
    ///
    /// # Errors
    /// As [`App::connect`].
    pub(crate) async fn from_env(domain: &str) -> Result<Self, Error> {
        let variables = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        Self::connect(domain, variables.collect(), &config).await
    }

    /// Opens the connections that variables name, to where a configuration says:
    ///
    /// | variable | gives |
    /// |---|---|
    /// | `EVENTS_TABLE`, with it `IDEMPOTENCY_TABLE` and `UNIQUE_KEY` | [`App::store`] |
    /// | `ARCHIVE_TABLE` with `ARCHIVE_BUCKET` | what of the store was archived |
    /// | `KEYS_TABLE` with `PERSONAL_KEY` | what of the store is personal |
    /// | `VIEWS_TABLE` | [`App::views`] |
    /// | `FEED_TABLE` | [`App::feed`] |
    /// | `COMMITS_STREAM` and all others that end in `_STREAM` | [`App::publisher`] |
    /// | `FAILURES_BUCKET` | [`App::failures_bucket`] |
    /// | `EFFECTS_TABLE` | [`App::effects`] |
    ///
    /// A variable that is empty counts as absent. The views are those of `domain`.
    ///
    /// # Errors
    /// If `UNIQUE_KEY` or `PERSONAL_KEY` is shorter than 32 bytes.
    pub async fn connect(
        domain: &str,
        mut variables: BTreeMap<String, String>,
        config: &SdkConfig,
    ) -> Result<Self, Error> {
        variables.retain(|_, value| !value.is_empty());
        let mut app = Self {
            store: None,
            views: None,
            projectors: Mutex::default(),
            feed: None,
            streams: BTreeMap::new(),
            variables,
        };
        app.open_tables(domain, config).await?;
        if app.variables.keys().any(|name| names_stream(name)) {
            let client = headwater_kinesis::connect(config);
            let streams = app.variables.iter().filter(|(name, _)| names_stream(name));
            app.streams = streams
                .map(|(name, stream)| (name.clone(), Publisher::new(client.clone(), stream)))
                .collect();
        }
        Ok(app)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    async fn open_tables(&mut self, domain: &str, config: &SdkConfig) -> Result<(), Error> {
        let [events, views, feed] =
            ["EVENTS_TABLE", "VIEWS_TABLE", "FEED_TABLE"].map(|name| self.variable(name));
        let Some(any) = events.clone().or(views.clone()).or(feed.clone()) else { return Ok(()) };
        let client = headwater_dynamodb::connect(config);
        let unique_key = match self.variable("UNIQUE_KEY") {
            Some(secret) => Some(
                UniqueKey::new(secret.as_bytes())
                    .ok_or("UNIQUE_KEY must have at least 32 bytes")?,
            ),
            None => None,
        };
        let (has_events, has_unique_key) = (events.is_some(), unique_key.is_some());
        let tables = StoreConfig {
            events_table: events.unwrap_or_default(),
            idempotency_table: self.variable("IDEMPOTENCY_TABLE"),
            unique_key,
        };
        let archive = self.variable("ARCHIVE_TABLE").zip(self.variable("ARCHIVE_BUCKET"));
        let store = match archive {
            Some((table, bucket)) => {
                let archive = Archive::new(table, Arc::new(ArchiveBucket::new(config, bucket)));
                EventStore::with_archive(client.clone(), tables, archive)
            }
            None => EventStore::new(client.clone(), tables),
        };
        let store = match self.variable("KEYS_TABLE").zip(self.variable("PERSONAL_KEY")) {
            Some((table, secret)) => {
                let master = MasterKey::new(secret.as_bytes())
                    .ok_or("PERSONAL_KEY must have at least 32 bytes")?;
                store.with_keys(SubjectKeys::new(table, master))
            }
            None => store,
        };
        self.feed = feed.map(|table| Feed::new(store.clone(), &table));
        self.views = views.map(|table| Views::new(store.clone(), &table, domain));
        self.store = has_events.then_some(store);
        let warm_up = async {
            match self.store.as_ref().filter(|_| has_unique_key) {
                Some(store) => check_unique_key(domain, store).await,
                None => headwater_dynamodb::warm_up(&client, &any).await,
            }
            // The first query is then spared this read.
            if let Some(views) = &self.views {
                views.generation().await.ok();
            }
        };
        // What fails or takes too long now is tried again by the first request, which will say so.
        // Boxed: what lies below it is deep, and each function's `main` would hold all of that.
        timeout(INIT_PATIENCE, Box::pin(warm_up)).await.ok();
        Ok(())
    }

    /// The event store, until the request's deadline.
    ///
    /// # Errors
    /// 500 if `EVENTS_TABLE` is not set.
    pub fn store(&self, request: &Request) -> Result<EventStore, Problem> {
        let store = self.store.as_ref().ok_or_else(|| unset("EVENTS_TABLE"))?;
        Ok(store.within(request.deadline))
    }

    /// The event store, for functions without a request.
    ///
    /// # Errors
    /// If `EVENTS_TABLE` is not set.
    pub fn whole_store(&self) -> Result<EventStore, Error> {
        Ok(self.store.clone().ok_or("EVENTS_TABLE is not set")?)
    }

    /// The views, until the request's deadline. All reads are of one generation, so the tag fits
    /// the rows.
    ///
    /// # Errors
    /// 500 if `VIEWS_TABLE` is not set.
    pub fn views(&self, request: &Request) -> Result<Views, Problem> {
        let views = self.views.as_ref().ok_or_else(|| unset("VIEWS_TABLE"))?;
        Ok(views.within(request.deadline).of_one(&request.generation))
    }

    /// Whether `VIEWS_TABLE` is set.
    pub(crate) fn has_views(&self) -> bool {
        self.views.is_some()
    }

    /// The change feeds, until the request's deadline.
    ///
    /// # Errors
    /// 500 if `FEED_TABLE` is not set.
    pub fn feed(&self, request: &Request) -> Result<Feed, Problem> {
        let feed = self.feed.as_ref().ok_or_else(|| unset("FEED_TABLE"))?;
        Ok(feed.within(request.deadline))
    }

    /// Keeps a domain's views and change feed up to date. There is one for the life of the process,
    /// because it caches positions.
    ///
    /// # Errors
    /// If one of the three tables is not set.
    pub fn projector(
        &self,
        domain: &str,
        projections: &'static [ProjectionFn],
    ) -> Result<Arc<Projector>, Error> {
        // A panic elsewhere cannot leave a map of whole entries half changed.
        let mut projectors = self.projectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(projector) = projectors.get(domain) {
            return Ok(Arc::clone(projector));
        }
        let store = self.whole_store()?;
        let views = self.variable("VIEWS_TABLE").ok_or("VIEWS_TABLE is not set")?;
        let feed = self.variable("FEED_TABLE").ok_or("FEED_TABLE is not set")?;
        let projector = Arc::new(Projector::new(store, &views, &feed, domain, projections));
        projectors.insert(domain.to_owned(), Arc::clone(&projector));
        Ok(projector)
    }

    /// The effects outside of the handler of this name, until the request's deadline.
    ///
    /// # Errors
    /// 500 if `EVENTS_TABLE` or `EFFECTS_TABLE` is not set.
    pub fn effects(&self, request: &Request, handler: &str) -> Result<Effects, Problem> {
        let table = self.variables.get("EFFECTS_TABLE").ok_or_else(|| unset("EFFECTS_TABLE"))?;
        Ok(Effects::new(self.store(request)?, table, handler))
    }

    /// The views of any domain, for a function that reads all of them.
    ///
    /// # Errors
    /// If `EVENTS_TABLE` or `VIEWS_TABLE` is not set.
    pub fn views_of(&self, domain: &str) -> Result<Views, Error> {
        let store = self.whole_store()?;
        let table = self.variables.get("VIEWS_TABLE").ok_or("VIEWS_TABLE is not set")?;
        Ok(Views::new(store, table, domain))
    }

    /// The effects outside of the handler of this name, until `deadline`, for functions without a
    /// request.
    ///
    /// # Errors
    /// If `EVENTS_TABLE` or `EFFECTS_TABLE` is not set.
    pub fn effects_of(
        &self,
        handler: &str,
        deadline: std::time::Instant,
    ) -> Result<Effects, Error> {
        let store = self.store.as_ref().ok_or("EVENTS_TABLE is not set")?;
        let table = self.variables.get("EFFECTS_TABLE").ok_or("EFFECTS_TABLE is not set")?;
        Ok(Effects::new(store.within(deadline), table, handler))
    }

    /// Puts records on the stream that a variable names, as `COMMITS_STREAM`.
    ///
    /// # Errors
    /// If the variable is not set.
    pub fn publisher(&self, variable: &str) -> Result<&Publisher, Error> {
        self.streams.get(variable).ok_or_else(|| format!("{variable} is not set").into())
    }

    /// Puts records back on the stream of this name.
    ///
    /// # Errors
    /// If no variable of the function names this stream.
    pub fn publisher_to(&self, stream: &str) -> Result<&Publisher, Error> {
        let found = self.streams.values().find(|publisher| publisher.stream() == stream);
        found.ok_or_else(|| format!("the function has no stream {stream}").into())
    }

    /// The bucket of batches that were given up.
    ///
    /// # Errors
    /// If `FAILURES_BUCKET` is not set.
    pub fn failures_bucket(&self) -> Result<&str, Error> {
        self.variables
            .get("FAILURES_BUCKET")
            .map(String::as_str)
            .ok_or_else(|| "FAILURES_BUCKET is not set".into())
    }

    /// The store's usage since the last call of this function.
    pub(crate) fn take_usage(&self) -> Usage {
        self.store.as_ref().map(EventStore::take_usage).unwrap_or_default()
    }
}

/// Opens the connection with the read that tells whether the function has the key of the table's
/// unique values. A function with another key starts anyway: its refusals are answers with a
/// correlation id, and calls without unique values work.
async fn check_unique_key(domain: &str, store: &EventStore) {
    let checked =
        store.within((Instant::now() + INIT_PATIENCE).into_std()).adopt_unique_key().await;
    // If the check fails now, the first command that needs the key repeats it.
    if let Err(StoreError::OtherUniqueKey { .. }) = checked {
        metric(domain, "UniqueKeyRefused", 1.0);
    }
}

fn names_stream(variable: &str) -> bool {
    variable.ends_with("_STREAM")
}

fn unset(name: &str) -> Problem {
    Problem::internal(format!("{name} is not set"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_function_has_the_streams_that_its_variables_name() {
        let variables = [
            ("COMMITS_STREAM", "commits"),
            ("GRANTS_STREAM", "grants"),
            ("OTHER_STREAM", ""),
            ("OTHER", "events"),
        ];
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let app = App::connect("identity", variables, &config).await.unwrap();
        assert_eq!(app.publisher("GRANTS_STREAM").unwrap().stream(), "grants");
        assert_eq!(app.publisher_to("commits").unwrap().stream(), "commits");
        assert!(app.publisher("OTHER_STREAM").is_err() && app.publisher("OTHER").is_err());
        assert!(app.publisher_to("events").is_err() && app.publisher_to("").is_err());
    }
}
