use std::env;
use std::sync::OnceLock;

use headwater::{ProjectionFn, UniqueKey};
use headwater_dynamodb::{EventStore, Feed, Projector, StoreConfig, Usage, Views};
use headwater_kinesis::Publisher;
use lambda_runtime::Error;

use crate::{Problem, Request};

/// What a handler works with: whatever the function's environment names. Its connections stand before the first request.
pub struct App {
    store: Option<EventStore>,
    views: Option<Views>,
    projector: OnceLock<Projector>,
    feed: Option<Feed>,
    commits: Option<Publisher>,
    external: Option<Publisher>,
    failures_bucket: Option<String>,
}

impl App {
    /// Reads the environment and opens the connections:
    ///
    /// | variable | gives |
    /// |---|---|
    /// | `EVENTS_TABLE`, with it `IDEMPOTENCY_TABLE` and `UNIQUE_KEY` | [`App::store`] |
    /// | `VIEWS_TABLE` | [`App::views`] |
    /// | `FEED_TABLE` | [`App::feed`] |
    /// | `COMMITS_STREAM`, `EXTERNAL_USERS_STREAM` | [`App::publisher`] |
    /// | `FAILURES_BUCKET` | [`App::failures_bucket`] |
    ///
    /// The views are those of `domain`.
    ///
    /// # Errors
    /// If `UNIQUE_KEY` is shorter than 32 bytes.
    pub(crate) async fn from_env(domain: &str) -> Result<Self, Error> {
        let mut app = Self {
            store: None,
            views: None,
            projector: OnceLock::new(),
            feed: None,
            commits: None,
            external: None,
            failures_bucket: variable("FAILURES_BUCKET"),
        };
        app.open_tables(domain).await?;
        let streams = (variable("COMMITS_STREAM"), variable("EXTERNAL_USERS_STREAM"));
        if streams.0.is_some() || streams.1.is_some() {
            let client = headwater_kinesis::connect().await;
            app.commits = streams.0.map(|name| Publisher::new(client.clone(), name));
            app.external = streams.1.map(|name| Publisher::new(client, name));
        }
        Ok(app)
    }

    async fn open_tables(&mut self, domain: &str) -> Result<(), Error> {
        let (events, views, feed) = (variable("EVENTS_TABLE"), variable("VIEWS_TABLE"), variable("FEED_TABLE"));
        let Some(table) = events.as_ref().or(views.as_ref()).or(feed.as_ref()) else { return Ok(()) };
        let client = headwater_dynamodb::connect().await;
        headwater_dynamodb::warm_up(&client, table).await;
        let unique_key = match variable("UNIQUE_KEY") {
            Some(secret) => Some(UniqueKey::new(secret.as_bytes()).ok_or("UNIQUE_KEY must have at least 32 bytes")?),
            None => None,
        };
        let has_events = events.is_some();
        let config = StoreConfig { events_table: events.unwrap_or_default(), idempotency_table: variable("IDEMPOTENCY_TABLE"), unique_key };
        let store = EventStore::new(client, config);
        self.feed = feed.map(|table| Feed::new(store.clone(), &table));
        if let Some(table) = views {
            let views = Views::new(store.clone(), &table, domain);
            // The first query is then spared this read. If it fails now, that query will say so.
            views.generation().await.ok();
            self.views = Some(views);
        }
        self.store = has_events.then_some(store);
        Ok(())
    }

    /// The event store, for as long as the request has time.
    ///
    /// # Errors
    /// 500 if `EVENTS_TABLE` is not set.
    pub fn store(&self, request: &Request) -> Result<EventStore, Problem> {
        let store = self.store.as_ref().ok_or_else(|| unset("EVENTS_TABLE"))?;
        Ok(store.within(request.deadline))
    }

    /// The views, for as long as the request has time.
    ///
    /// # Errors
    /// 500 if `VIEWS_TABLE` is not set.
    pub fn views(&self, request: &Request) -> Result<Views, Problem> {
        let views = self.views.as_ref().ok_or_else(|| unset("VIEWS_TABLE"))?;
        Ok(views.within(request.deadline))
    }

    /// The change feeds, for as long as the request has time.
    ///
    /// # Errors
    /// 500 if `FEED_TABLE` is not set.
    pub fn feed(&self, request: &Request) -> Result<Feed, Problem> {
        let feed = self.feed.as_ref().ok_or_else(|| unset("FEED_TABLE"))?;
        Ok(feed.within(request.deadline))
    }

    /// Keeps a domain's views and change feed up to date. There is one for the life of the process, since it remembers how far it got.
    ///
    /// # Errors
    /// If one of the three tables is not set.
    pub fn projector(&self, domain: &str, projections: &'static [ProjectionFn]) -> Result<&Projector, Error> {
        if let Some(projector) = self.projector.get() {
            return Ok(projector);
        }
        let store = self.store.clone().ok_or("EVENTS_TABLE is not set")?;
        let views = variable("VIEWS_TABLE").ok_or("VIEWS_TABLE is not set")?;
        let feed = variable("FEED_TABLE").ok_or("FEED_TABLE is not set")?;
        Ok(self.projector.get_or_init(|| Projector::new(store, &views, &feed, domain, projections)))
    }

    /// Puts commits on the commits stream.
    ///
    /// # Errors
    /// If `COMMITS_STREAM` is not set.
    pub fn commits(&self) -> Result<&Publisher, Error> {
        self.commits.as_ref().ok_or_else(|| "COMMITS_STREAM is not set".into())
    }

    /// Puts records on a stream of this name.
    ///
    /// # Errors
    /// If the function has no stream of this name.
    pub fn publisher(&self, stream: &str) -> Result<&Publisher, Error> {
        let found = [&self.commits, &self.external].into_iter().flatten().find(|publisher| publisher.stream() == stream);
        found.ok_or_else(|| format!("the function has no stream {stream}").into())
    }

    /// Where what was given up on lies.
    ///
    /// # Errors
    /// If `FAILURES_BUCKET` is not set.
    pub fn failures_bucket(&self) -> Result<&str, Error> {
        self.failures_bucket.as_deref().ok_or_else(|| "FAILURES_BUCKET is not set".into())
    }

    /// What the store was asked since this was last called.
    pub(crate) fn take_usage(&self) -> Usage {
        self.store.as_ref().map(EventStore::take_usage).unwrap_or_default()
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn unset(name: &str) -> Problem {
    Problem::internal(format!("{name} is not set"))
}
