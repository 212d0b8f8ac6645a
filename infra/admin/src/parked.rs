use std::fmt;
use std::str::FromStr;

use anyhow::Context;
use clap::Subcommand;
use headwater::StreamName;
use headwater_dynamodb::{EffectId, ParkedStream, Settlement, Waiting};
use headwater_kinesis::CommitRecord;
use headwater_services::{SERVICES, Service};
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Subcommand)]
pub(crate) enum Parked {
    /// A tenant's parked streams, in order of name, then its mails that wait for a person.
    Ls {
        /// Whose.
        #[arg(long, env = "HEADWATER_TENANT", hide_env_values = true)]
        tenant: String,
        /// Go on after this one.
        #[arg(long, value_name = "ITEM")]
        after: Option<Item>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Why one is parked.
    Show {
        /// A stream: acme/identity/users/ada, or the event that asks for a mail: acme/invoicing/invoices/7@12
        item: Item,
    },
    /// Fold a parked stream on, once its cause is repaired; if it cannot be folded still it is parked again. Or send a mail, which surely was not sent.
    Retry {
        /// A stream: acme/identity/users/ada, or the event that asks for a mail: acme/invoicing/invoices/7@12
        item: Item,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Never send a mail: it was sent, or is not to be. A stream cannot be dropped.
    Drop {
        /// The event that asks for the mail: acme/invoicing/invoices/7@12
        item: Item,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Parked {
    pub(crate) async fn run(self, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::Ls { tenant, after, limit } => ls(connection, output, &tenant, after, limit).await,
            Self::Show { item } => {
                let parked = match item {
                    Item::Stream(stream) => Listed::from(find(connection, &stream).await?.1),
                    Item::Effect(effect) => Listed::of(find_effect(connection, &effect).await?),
                };
                output.one(&parked, |parked| Ok(parked.text()))
            }
            Self::Retry { item: Item::Stream(stream), dry_run } => retry(connection, output, &stream, dry_run).await,
            Self::Retry { item: Item::Effect(effect), dry_run } => settle(connection, output, &effect, Settlement::TryAgain, dry_run).await,
            Self::Drop { item: Item::Stream(stream), .. } => Err(cannot_be_dropped(&stream)),
            Self::Drop { item: Item::Effect(effect), dry_run } => settle(connection, output, &effect, Settlement::Done, dry_run).await,
        }
    }
}

/// What can be parked.
#[derive(Clone)]
pub(crate) enum Item {
    /// A stream, by the projector: `acme/identity/users/ada`.
    Stream(StreamName),
    /// An effect outside, by its handler: `acme/invoicing/invoices/7@12`, by the event that asks for it.
    Effect(EffectId),
}

impl FromStr for Item {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, anyhow::Error> {
        let Some((stream, number)) = text.split_once('@') else { return Ok(Self::Stream(text.parse()?)) };
        let number = number.parse().with_context(|| format!("`{number}` is not the number of an event"))?;
        Ok(Self::Effect(EffectId { stream: stream.parse()?, number }))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(stream) => write!(f, "{stream}"),
            Self::Effect(EffectId { stream, number }) => write!(f, "{stream}@{number}"),
        }
    }
}

/// What is parked.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Listed {
    /// A stream.
    Stream {
        stream: StreamName,
        /// What it should have been brought to.
        version: u64,
        at: Timestamp,
        error: String,
    },
    /// A mail.
    Mail {
        stream: StreamName,
        /// The number of the event that asks for it.
        event: u64,
        why: Why,
        tries: u32,
        /// What was said last; nothing if the process died while it was sending.
        error: Option<String>,
    },
}

/// Why a mail waits.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Why {
    /// It surely was not sent, however often it was tried.
    Failed,
    /// It may have been sent.
    Unknown,
}

impl From<ParkedStream> for Listed {
    fn from(ParkedStream { stream, version, error, at }: ParkedStream) -> Self {
        Self::Stream { stream, version, at, error }
    }
}

impl Listed {
    fn of(Waiting { effect, is_unknown, tries, error }: Waiting) -> Self {
        let why = if is_unknown { Why::Unknown } else { Why::Failed };
        Self::Mail { stream: effect.stream, event: effect.number, why, tries, error }
    }

    /// As it is named on a command line.
    fn item(&self) -> Item {
        match self {
            Self::Stream { stream, .. } => Item::Stream(stream.clone()),
            Self::Mail { stream, event, .. } => Item::Effect(EffectId { stream: stream.clone(), number: *event }),
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Stream { error, .. } => error.clone(),
            Self::Mail { why, tries, error, .. } => {
                let what = match why {
                    Why::Failed => format!("was not sent, tried {tries} times"),
                    Why::Unknown => "may have been sent".to_owned(),
                };
                let error = error.as_ref().map(|error| format!(": {error}"));
                what + &error.unwrap_or_default()
            }
        }
    }

    fn columns(&self) -> [String; 5] {
        let (kind, version, at) = match self {
            Self::Stream { version, at, .. } => ("stream", version.to_string(), at.to_string()),
            Self::Mail { .. } => ("mail", String::new(), String::new()),
        };
        [kind.to_owned(), self.item().to_string(), version, at, self.why()]
    }

    fn text(&self) -> String {
        let (item, why) = (self.item(), self.why());
        match self {
            Self::Stream { version, at, .. } => format!("{item} is parked since {at}: it cannot be brought to version {version}\n{why}"),
            Self::Mail { .. } => format!("the mail that {item} asks for waits: it {why}"),
        }
    }
}

/// What became of a parked stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Retried<'a> {
    stream: &'a StreamName,
    version: u64,
    dry_run: bool,
}

async fn ls(connection: &Connection, output: &mut Output<'_>, tenant: &str, after: Option<Item>, limit: usize) -> Result<(), Failure> {
    // One more than is shown tells whether there are more.
    let wanted = limit.saturating_add(1);
    let (mut parked, after) = match after {
        Some(Item::Effect(after)) => (Vec::new(), Some(after)),
        Some(Item::Stream(after)) => (streams(connection, tenant, Some(&after), wanted).await?, None),
        None => (streams(connection, tenant, None, wanted).await?, None),
    };
    parked.extend(mails(connection, tenant, after, wanted - parked.len()).await?);
    let goes_on = parked.len() > limit;
    parked.truncate(limit);
    output.list(&parked, ["KIND", "ITEM", "VERSION", "SINCE", "WHY"], Listed::columns)?;
    match parked.last().filter(|_| goes_on) {
        Some(last) => output.remark(&format!("there are more: --after {}", last.item())),
        None => Ok(()),
    }
}

async fn streams(connection: &Connection, tenant: &str, after: Option<&StreamName>, wanted: usize) -> Result<Vec<Listed>, Failure> {
    let mut parked: Vec<ParkedStream> = Vec::new();
    // Names begin with the domain, so this is their order too.
    for service in SERVICES.iter().filter(|service| after.is_none_or(|after| after.domain() <= service.domain)) {
        let after = after.filter(|after| after.domain() == service.domain);
        while parked.len() < wanted {
            let after = parked.last().map(|parked| &parked.stream).filter(|last| last.domain() == service.domain).or(after);
            let page = connection.views(service).await?.parked(tenant, after, wanted - parked.len()).await?;
            if page.is_empty() {
                break;
            }
            parked.extend(page);
        }
    }
    Ok(parked.into_iter().map(Listed::from).collect())
}

async fn mails(connection: &Connection, tenant: &str, after: Option<EffectId>, wanted: usize) -> Result<Vec<Listed>, Failure> {
    let mut waiting: Vec<Waiting> = Vec::new();
    for service in SERVICES.iter().filter(|service| after.as_ref().is_none_or(|after| after.stream.domain() <= service.domain)) {
        let Some(handler) = service.handler else { continue };
        let effects = connection.effects(handler.name).await?;
        let own = |effect: &&EffectId| effect.stream.domain() == service.domain;
        while waiting.len() < wanted {
            let after = waiting.last().map(|last| &last.effect).filter(own).or(after.as_ref().filter(own));
            let page = effects.waiting(tenant, after, wanted - waiting.len()).await?;
            if page.is_empty() {
                break;
            }
            waiting.extend(page);
        }
    }
    Ok(waiting.into_iter().map(Listed::of).collect())
}

async fn retry(connection: &Connection, output: &mut Output<'_>, stream: &StreamName, dry_run: bool) -> Result<(), Failure> {
    let (service, parked) = find(connection, stream).await?;
    let mut retried = Retried { stream, version: parked.version, dry_run };
    if dry_run {
        return output.one(&retried, |_| Ok(format!("{stream} would be folded on, to version {} at least", parked.version)));
    }
    let report = connection.projector(service).await?.resume(stream).await?;
    if !report.failed.is_empty() {
        return Err(anyhow::anyhow!("the store did not let it through: {stream} will be folded with its next event, or retry again").into());
    }
    if let Some(again) = connection.views(service).await?.parked_stream(stream).await? {
        return Err(anyhow::anyhow!("{stream} is parked again: {}", again.error).into());
    }
    retried.version = connection.store().await?.head(stream).await?;
    output.one(&retried, |Retried { version, .. }| Ok(format!("{stream} was folded on, to version {version}")))
}

/// A parked stream, and the service that it belongs to.
async fn find(connection: &Connection, stream: &StreamName) -> Result<(&'static Service, ParkedStream), Failure> {
    if let Some(service) = SERVICES.iter().find(|service| service.domain == stream.domain())
        && let Some(parked) = connection.views(service).await?.parked_stream(stream).await?
    {
        return Ok((service, parked));
    }
    Err(Failure::NotFound(format!("{stream} is not parked")))
}

/// What was said of a mail.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settled<'a> {
    stream: &'a StreamName,
    event: u64,
    /// As `POST /invoicing/mails/{id}/{event}/settle` takes it.
    outcome: &'static str,
    dry_run: bool,
}

/// Does what a person found out about a mail that waits.
async fn settle(
    connection: &Connection,
    output: &mut Output<'_>,
    effect: &EffectId,
    settlement: Settlement,
    dry_run: bool,
) -> Result<(), Failure> {
    let (outcome, what) = match settlement {
        Settlement::TryAgain => ("TRY_AGAIN", "be sent"),
        Settlement::Done => ("DONE", "never be sent"),
    };
    let settled = Settled { stream: &effect.stream, event: effect.number, outcome, dry_run };
    let item = Item::Effect(effect.clone());
    if dry_run {
        find_effect(connection, effect).await?;
        return output.one(&settled, |_| Ok(format!("the mail that {item} asks for would {what}")));
    }
    let is_settled = connection.effects(handler(effect)?).await?.settle(effect, settlement).await?;
    if settlement == Settlement::TryAgain {
        // Also if it did not wait: the call before may have settled it, and the stream not taken the record.
        let record = CommitRecord::doorbell(effect.stream.clone(), effect.number)?;
        if !connection.commits_stream().await?.publish(&[record]).await.is_empty() {
            return Err(anyhow::anyhow!("the mail is settled, but the commits stream did not take its record: retry again").into());
        }
    }
    if !is_settled {
        return Err(not_waiting(effect));
    }
    output.one(&settled, |_| Ok(format!("the mail that {item} asks for will {what}")))
}

async fn find_effect(connection: &Connection, effect: &EffectId) -> Result<Waiting, Failure> {
    let found = connection.effects(handler(effect)?).await?.waiting_one(effect).await?;
    found.ok_or_else(|| not_waiting(effect))
}

/// The name of what carries out the effects of a stream's events.
fn handler(effect: &EffectId) -> Result<&'static str, Failure> {
    let service = SERVICES.iter().find(|service| service.domain == effect.stream.domain());
    let handler = service.and_then(|service| service.handler);
    handler.map(|handler| handler.name).ok_or_else(|| not_waiting(effect))
}

fn not_waiting(effect: &EffectId) -> Failure {
    Failure::NotFound(format!("no mail that {} asks for waits for a person", Item::Effect(effect.clone())))
}

/// Rows are what the events come to, and nothing else: a row that has passed over one would be taken for right.
fn cannot_be_dropped(stream: &StreamName) -> Failure {
    let why = "a stream cannot be dropped: its row would be what no fold of its events gives. Deploy what can fold the event";
    anyhow::anyhow!("{why}, then: headwater parked retry {stream}").into()
}
