use clap::Subcommand;
use headwater::{Domain, StreamName};
use headwater_dynamodb::{EffectId, ParkedStream, Settlement, Until, Waiting};
use headwater_kinesis::{CommitRecord, Record};
use headwater_services::{ParkedUpdate, parked_update, record_of};
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::listed::{Item, Listed, mails, read_error, streams_and_updates};
use crate::output::Output;

#[derive(Subcommand)]
pub(crate) enum Parked {
    /// A tenant's streams that are parked or wait for a newer build, and parked updates of users,
    /// in order of name; then its mails that wait for a person.
    Ls {
        /// Whose.
        #[arg(long, env = "HEADWATER_TENANT", hide_env_values = true)]
        tenant: String,
        /// Continue after this one.
        #[arg(long, value_name = "ITEM")]
        after: Option<Item>,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show why an item is parked.
    Show {
        /// A stream: acme/identity/users/ada, or the event that asks for a mail:
        /// acme/invoicing/invoices/7@12
        item: Item,
    },
    /// Resume a parked stream after its cause is repaired; if it still cannot be folded, it is
    /// parked again. Or apply a user's update after the name or address is free. Or send a mail
    /// that was certainly not sent.
    Retry {
        /// A stream: acme/identity/users/ada, or the event that asks for a mail:
        /// acme/invoicing/invoices/7@12
        item: Item,
        /// Only if the mail has waited since this time, as `ls` shows it. It may have been tried
        /// again meanwhile, and been sent.
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Never send a mail: it was sent, or is not to be. Streams and updates cannot be dropped: the
    /// owning system's next revision replaces an update.
    Drop {
        /// The event that asks for the mail: acme/invoicing/invoices/7@12
        item: Item,
        /// Only if the mail has waited since this time, as `ls` shows it.
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Only print what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Parked {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Ls { tenant, after, limit } => {
                ls(connection, output, &tenant, after, limit).await
            }
            Self::Show { item } => {
                let parked = match item {
                    Item::Stream(stream) => match find(connection, &stream).await? {
                        Found::Stream(_, parked) => Listed::from(parked),
                        Found::Update(_, update) => Listed::from(update),
                    },
                    Item::Effect(effect) => {
                        Listed::from(find_effect(connection, &effect, None).await?)
                    }
                };
                output.one(&parked, |parked| Ok(parked.text()))
            }
            Self::Retry { item: Item::Stream(_), since: Some(_), .. } => {
                Err(anyhow::anyhow!("--since is for mails: a stream waits for one thing only")
                    .into())
            }
            Self::Retry { item: Item::Stream(stream), since: None, dry_run } => {
                match find(connection, &stream).await? {
                    Found::Stream(service, parked) => {
                        Box::pin(retry(connection, output, service, &parked, dry_run)).await
                    }
                    Found::Update(service, update) => {
                        bring_again(connection, output, service, &update, dry_run).await
                    }
                }
            }
            Self::Retry { item: Item::Effect(effect), since, dry_run } => {
                settle(connection, output, (&effect, since), Settlement::TryAgain, dry_run).await
            }
            Self::Drop { item: Item::Stream(stream), .. } => {
                Err(cannot_be_dropped(&find(connection, &stream).await?))
            }
            Self::Drop { item: Item::Effect(effect), since, dry_run } => {
                settle(connection, output, (&effect, since), Settlement::Done, dry_run).await
            }
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

async fn ls(
    connection: &Connection,
    output: &mut Output<'_>,
    tenant: &str,
    after: Option<Item>,
    limit: usize,
) -> Result<(), Failure> {
    // One more than is shown tells whether there are more.
    let wanted = limit.saturating_add(1);
    let (mut parked, after) = match after {
        Some(Item::Effect(after)) => (Vec::new(), Some(after)),
        Some(Item::Stream(after)) => {
            (streams_and_updates(connection, Some(tenant), Some(&after), wanted).await?, None)
        }
        None => (streams_and_updates(connection, Some(tenant), None, wanted).await?, None),
    };
    parked.extend(mails(connection, Some(tenant), after, wanted - parked.len()).await?);
    let goes_on = parked.len() > limit;
    parked.truncate(limit);
    output.list(&parked, ["KIND", "ITEM", "VERSION", "SINCE", "WHY"], Listed::columns)?;
    match parked.last().filter(|_| goes_on) {
        Some(last) => output.remark(&format!("there are more: --after {}", last.item())),
        None => Ok(()),
    }
}

async fn retry(
    connection: &Connection,
    output: &mut Output<'_>,
    service: &Domain,
    parked: &ParkedStream,
    dry_run: bool,
) -> Result<(), Failure> {
    let stream = &parked.stream;
    let mut retried = Retried { stream, version: parked.version, dry_run };
    if dry_run {
        return output.one(&retried, |_| {
            Ok(format!("{stream} would be resumed, to version {} at least", parked.version))
        });
    }
    let report = connection.projector(service).await?.resume(stream).await?;
    if !report.failed.is_empty() {
        return Err(anyhow::anyhow!(
            "the store did not let it through: {stream} will be folded with its next event, or \
             retry again"
        )
        .into());
    }
    if let Some(again) = connection.views(service).await?.parked_stream(stream).await? {
        let what = if again.until == Until::Resumed {
            "is parked again"
        } else {
            "still waits for a newer build"
        };
        return Err(anyhow::anyhow!("{stream} {what}: {}", again.error).into());
    }
    retried.version = connection.store().await?.head(stream).await?;
    output.one(&retried, |Retried { version, .. }| {
        Ok(format!("{stream} was resumed, to version {version}"))
    })
}

/// A user's update that was put on the stream that it came from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BroughtAgain<'a> {
    stream: &'a StreamName,
    revision: u64,
    dry_run: bool,
}

/// Puts a user's update on the stream of external users once more. If the name or address is taken
/// still, it stays parked.
async fn bring_again(
    connection: &Connection,
    output: &mut Output<'_>,
    service: &Domain,
    update: &ParkedUpdate,
    dry_run: bool,
) -> Result<(), Failure> {
    let ParkedUpdate { stream, parked } = update;
    let revision = parked.revision;
    let gone_stream =
        || anyhow::anyhow!("{} takes no updates from other systems any more", service.name);
    let variable = service.external.ok_or_else(gone_stream)?.stream_variable;
    let gone = || {
        Failure::NotFound(format!("the event that parked revision {revision} is not in {stream}"))
    };
    let data = record_of(service, &connection.store().await?, update).await?.ok_or_else(gone)?;
    let again = BroughtAgain { stream, revision, dry_run };
    if dry_run {
        return output.one(&again, |_| {
            Ok(format!("revision {revision} of {stream} would be applied, if possible"))
        });
    }
    let publisher = connection.stream(variable).await?;
    if !publisher.publish(&[Record { key: stream.to_string(), data }]).await.is_empty() {
        return Err(anyhow::anyhow!(
            "the stream of external users did not take its record: retry again"
        )
        .into());
    }
    output.one(&again, |_| {
        Ok(format!("revision {revision} of {stream} is applied, or parked again, within seconds"))
    })
}

/// What is parked under a stream's name.
enum Found {
    /// The stream itself, and the service that it belongs to.
    Stream(&'static Domain, ParkedStream),
    /// An update of the thing from another system, and the service that it belongs to.
    Update(&'static Domain, ParkedUpdate),
}

async fn find(connection: &Connection, stream: &StreamName) -> Result<Found, Failure> {
    if let Some(service) = connection.domains.of(stream) {
        let views = connection.views(service).await?;
        if let Some(parked) = views.parked_stream(stream).await? {
            return Ok(Found::Stream(service, parked));
        }
        if let Some(update) = parked_update(service, &views, stream).await.map_err(read_error)? {
            return Ok(Found::Update(service, update));
        }
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

/// Does what a person found out about a mail that waits, since that time if one is given.
async fn settle(
    connection: &Connection,
    output: &mut Output<'_>,
    (effect, since): (&EffectId, Option<Timestamp>),
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
        find_effect(connection, effect, since).await?;
        return output.one(&settled, |_| Ok(format!("the mail that {item} asks for would {what}")));
    }
    let effects = connection.effects(handler(connection, effect)?).await?;
    let is_settled = match since {
        Some(since) => effects.settle_since(effect, since, settlement).await?,
        None => effects.settle(effect, settlement).await?,
    };
    if !is_settled {
        return Err(not_waiting(effect, since));
    }
    if settlement == Settlement::TryAgain {
        let record = CommitRecord::doorbell(effect.stream.clone(), effect.number)?;
        if !connection.commits_stream().await?.publish(&[record]).await.is_empty() {
            return Err(anyhow::anyhow!(
                "the mail still waits: the commits stream did not take its record; retry again"
            )
            .into());
        }
    }
    output.one(&settled, |_| Ok(format!("the mail that {item} asks for will {what}")))
}

async fn find_effect(
    connection: &Connection,
    effect: &EffectId,
    since: Option<Timestamp>,
) -> Result<Waiting, Failure> {
    let found = connection.effects(handler(connection, effect)?).await?.waiting_one(effect).await?;
    found
        .filter(|waiting| since.is_none() || since == waiting.since)
        .ok_or_else(|| not_waiting(effect, since))
}

/// The name of what carries out the effects of a stream's events.
fn handler(connection: &Connection, effect: &EffectId) -> Result<&'static str, Failure> {
    let handler = connection.domains.of(&effect.stream).and_then(|service| service.handler);
    handler.map(|handler| handler.name).ok_or_else(|| not_waiting(effect, None))
}

fn not_waiting(effect: &EffectId, since: Option<Timestamp>) -> Failure {
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    Failure::NotFound(format!(
        "no mail that {} asks for waits for a person{since}",
        Item::Effect(effect.clone())
    ))
}

/// Rows are what the events come to, and nothing else: a row that has passed over one would be
/// taken for right. And what another system knows of its users is its own.
fn cannot_be_dropped(found: &Found) -> Failure {
    match found {
        Found::Stream(_, ParkedStream { stream, .. }) => {
            let why = "a stream cannot be dropped: its row would be what no fold of its events \
                       gives. Deploy what can fold the event";
            anyhow::anyhow!("{why}, then: headwater parked retry {stream}").into()
        }
        Found::Update(_, ParkedUpdate { stream, .. }) => {
            let why = "an update cannot be dropped: the owning system's next revision takes its \
                       place. Free the name or address";
            anyhow::anyhow!("{why}, then: headwater parked retry {stream}").into()
        }
    }
}
