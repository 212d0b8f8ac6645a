//! `verify`: whether the tables hold what they should.
//!
//! One strong scan of the events brings each stream whole; with it are compared the rows, lists and
//! sums, the change feeds, and the streams that were written in the same transactions. Everything
//! goes on meanwhile. So what seems wrong or late is looked at again after a pause, and told only
//! if it is so still.

mod again;
mod events;
mod feeds;
mod pairs;
mod waits;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use futures::{StreamExt, TryStreamExt};
use headwater::{Domain, Domains, StreamName, UniqueKey};
use headwater_dynamodb::{Audit, Effects, EventStore, Feed, Finding, Selection, StoreError, Views};
use headwater_pipeline::Failures;
use tokio::time::sleep;

use self::events::{Examined, streams};
use self::pairs::Pairs;
use self::waits::OpenEffect;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::scope::Scope;

/// How many streams of a page, and of how many pages, are checked at a time.
const STREAMS_AT_ONCE: usize = 16;
const PAGES_AT_ONCE: usize = 4;

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    scope: Scope,
    /// How long records may be on their way: what seems wrong or late is checked again after this
    /// time.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pause: u64,
}

/// What it needs to look at things.
struct Verifier {
    domains: Domains,
    store: EventStore,
    feed: Feed,
    audits: Vec<(&'static Domain, Audit)>,
    key: Option<UniqueKey>,
    tenant: Option<String>,
    /// The effects outside by the name of their handler, if their table is known.
    effects: BTreeMap<&'static str, Effects>,
    /// Where parked updates are listed, of each service that takes any.
    updates: Vec<(&'static Domain, Views)>,
    /// What functions gave up, if the bucket is known.
    failures: Option<Failures>,
}

/// How far a stream with rows had got when the scan came to it.
#[derive(Clone, Copy)]
struct Head {
    version: u64,
    commits: u64,
    /// Whether nothing is wrong with its events. With others nothing can be compared.
    is_sound: bool,
}

/// What the scan has brought, and what is to be looked at again.
#[derive(Default)]
struct Seen {
    streams: u64,
    commits: u64,
    of_another_revision: u64,
    /// Places in lists that lead nowhere.
    strays: u64,
    heads: HashMap<StreamName, Head>,
    /// What is wrong whatever comes later: events do not change.
    findings: BTreeSet<Finding>,
    /// Streams whose rows were late or seemed wrong.
    again: BTreeSet<StreamName>,
    /// Unique values: the stream of each, and who has it.
    unique: Pairs<StreamName>,
    /// Numbers of sequences, and who has them.
    numbers: Pairs<(StreamName, u64)>,
    /// Effects outside that are neither carried out nor waiting.
    open: Vec<OpenEffect>,
}

impl Verify {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let verifier = self.verifier(connection).await?;
        let mut seen = verifier.scan(&self.scope, output).await?;
        let late = verifier.check_feeds(&mut seen).await?;
        let sums = verifier.take_inventory(&mut seen).await?;
        verifier.take_what_waits(&mut seen).await?;
        let is_settled =
            seen.again.is_empty() && late.is_empty() && sums.is_empty() && seen.open.is_empty();
        if !(is_settled && seen.unique.is_empty() && seen.numbers.is_empty()) {
            sleep(Duration::from_secs(self.pause)).await;
            verifier.look_again(&mut seen, late, sums).await?;
        }
        if verifier.key.is_none() {
            output.remark(
                "UNIQUE_KEY is not set: that things have the unique values which they hold was \
                 left out",
            )?;
        }
        if verifier.effects.is_empty() {
            output.remark("EFFECTS_TABLE is not set: whether mails were sent was left out")?;
        }
        if verifier.failures.is_none() {
            output.remark("FAILURES_BUCKET is not set: what functions gave up was left out")?;
        }
        if seen.of_another_revision > 0 {
            output.remark(&format!(
                "streams whose rows another build has folded, so that reads fold events instead: \
                 {}",
                seen.of_another_revision
            ))?;
        }
        if seen.strays > 0 {
            output.remark(&format!(
                "places in lists that lead nowhere, which no reader sees and a rebuild leaves \
                 behind: {}",
                seen.strays
            ))?;
        }
        let findings: Vec<&Finding> = seen.findings.iter().collect();
        output.list(&findings, ["KIND", "STREAM", "WHAT"], |finding| {
            [finding.kind.to_owned(), finding.stream.clone(), finding.what.clone()]
        })?;
        let none = if findings.is_empty() { ", and nothing is wrong" } else { "" };
        output.remark(&format!("streams: {}, commits: {}{none}", seen.streams, seen.commits))?;
        if findings.is_empty() {
            Ok(())
        } else {
            Err(Failure::NotFound(format!("findings: {}", findings.len())))
        }
    }

    async fn verifier(&self, connection: &Connection) -> Result<Verifier, Failure> {
        let mut audits = Vec::new();
        for service in connection
            .domains
            .iter()
            .filter(|service| self.scope.domain().is_none_or(|domain| domain == service.name))
        {
            audits.push((service, connection.audit(service).await?));
        }
        let (store, key) = (connection.store().await?, connection.unique_key().await?);
        if let Some(own) = key.as_ref().map(UniqueKey::fingerprint)
            && let Some(adopted) =
                store.adopted_fingerprint().await?.filter(|adopted| *adopted != own)
        {
            return Err(StoreError::OtherUniqueKey { own, adopted }.into());
        }
        let mut effects = BTreeMap::new();
        if connection.knows("EFFECTS_TABLE").await? {
            for handler in connection.domains.iter().filter_map(|service| service.handler) {
                effects.insert(handler.name, connection.effects(handler.name).await?);
            }
        }
        let mut updates = Vec::new();
        for service in connection.domains.iter().filter(|service| service.external.is_some()) {
            if self.scope.domain().is_none_or(|domain| domain == service.name) {
                updates.push((service, connection.views(service).await?));
            }
        }
        let failures = if connection.knows("FAILURES_BUCKET").await? {
            Some(connection.failures().await?)
        } else {
            None
        };
        Ok(Verifier {
            domains: connection.domains.clone(),
            effects,
            updates,
            failures,
            store,
            feed: connection.feed().await?,
            audits,
            key,
            tenant: self.scope.tenant().map(str::to_owned),
        })
    }
}

impl Verifier {
    /// Brings every stream, and compares its rows.
    async fn scan(&self, scope: &Scope, output: &mut Output<'_>) -> Result<Seen, Failure> {
        let selection = scope.select(Selection { snapshots: true, ..Selection::default() });
        let pages = futures::stream::select_all(
            scope.segments().map(|segment| Box::pin(streams(&self.store, &selection, segment))),
        );
        let examined = pages.map_ok(async |page| {
            let work: Vec<_> = page.into_iter().map(|whole| self.examine(whole)).collect();
            futures::stream::iter(work)
                .buffer_unordered(STREAMS_AT_ONCE)
                .try_collect::<Vec<Examined>>()
                .await
        });
        let mut examined = pin!(examined.try_buffer_unordered(PAGES_AT_ONCE));
        let (mut seen, mut progress) = (Seen::default(), Progress::start());
        while let Some(page) = examined.try_next().await? {
            page.into_iter().for_each(|examined| seen.take(&self.domains, examined));
            progress
                .tell(output, || format!("{} commits of {} streams", seen.commits, seen.streams))?;
        }
        Ok(seen)
    }

    /// Compares the change feeds with the streams, and tells which streams they lack something of.
    async fn check_feeds(&self, seen: &mut Seen) -> Result<Vec<StreamName>, Failure> {
        let mut feeds: BTreeMap<(String, String), BTreeMap<&StreamName, Head>> = BTreeMap::new();
        for (stream, head) in &seen.heads {
            feeds
                .entry((stream.tenant().to_owned(), stream.domain().to_owned()))
                .or_default()
                .insert(stream, *head);
        }
        let (mut findings, mut late) = (Vec::new(), Vec::new());
        for ((tenant, domain), heads) in &feeds {
            let checked = feeds::check(&self.feed, tenant, domain, heads).await?;
            findings.extend(checked.findings);
            late.extend(checked.late);
        }
        seen.findings.extend(findings);
        Ok(late)
    }

    fn audit(&self, stream: &StreamName) -> Option<&Audit> {
        self.audits
            .iter()
            .find(|(service, _)| service.name == stream.domain())
            .map(|(_, audit)| audit)
    }
}

impl Seen {
    fn take(&mut self, domains: &Domains, examined: Examined) {
        let Examined {
            stream,
            version,
            commits,
            findings,
            audited,
            unique,
            numbers,
            waiting,
            open,
        } = examined;
        self.streams += 1;
        self.commits += commits;
        self.of_another_revision += u64::from(audited.is_of_another_revision);
        let is_sound = findings.is_empty();
        self.findings.extend(findings.into_iter().chain(waiting));
        self.open.extend(open);
        if let Some(stream) = stream {
            if !audited.findings.is_empty() || audited.behind.is_some() {
                self.again.insert(stream.clone());
            }
            if domains.is_projected(&stream) {
                self.heads.insert(stream, Head { version, commits, is_sound });
            }
        }
        unique.into_iter().for_each(|said| self.unique.take(said));
        numbers.into_iter().for_each(|said| self.numbers.take(said));
    }
}
