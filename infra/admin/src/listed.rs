//! What waits for a person: parked streams, parked updates of users, mails. The lists are those of
//! the tables.

use std::fmt;
use std::str::FromStr;

use anyhow::Context;
use headwater::{Parked, StreamName};
use headwater_dynamodb::{EffectId, ParkedStream, ReadError, Until, Waiting, WhyWaiting};
use headwater_services::{ParkedUpdate, parked_updates};
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;

/// What can be parked.
#[derive(Clone)]
pub(crate) enum Item {
    /// A stream, by the projector, or a user's update: `acme/identity/users/ada`.
    Stream(StreamName),
    /// An effect outside, by its handler: `acme/invoicing/invoices/7@12`, by the event that asks
    /// for it.
    Effect(EffectId),
}

impl FromStr for Item {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, anyhow::Error> {
        let Some((stream, number)) = text.split_once('@') else {
            return Ok(Self::Stream(text.parse()?));
        };
        let number =
            number.parse().with_context(|| format!("`{number}` is not the number of an event"))?;
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
pub(crate) enum Listed {
    /// A stream.
    Stream {
        stream: StreamName,
        /// What it should have been brought to.
        version: u64,
        at: Timestamp,
        error: String,
    },
    /// A stream that goes on by itself: once a build runs that knows its next event, or with the
    /// next sweep if it was resumed.
    Newer {
        stream: StreamName,
        /// What it should have been brought to.
        version: u64,
        at: Timestamp,
        error: String,
    },
    /// What another system knows of a user and could not be taken over.
    Update {
        stream: StreamName,
        /// The other system's.
        revision: u64,
        at: Timestamp,
        /// The rule that said no.
        error: String,
    },
    /// A mail.
    Mail {
        stream: StreamName,
        /// The number of the event that asks for it.
        event: u64,
        why: Why,
        tries: u32,
        /// What was said last; `None` if the process died while it was sending.
        error: Option<String>,
        /// Since when it waits; `None` where an older build put it aside.
        at: Option<Timestamp>,
    },
}

/// Why a mail waits.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Why {
    /// It surely was not sent, however often it was tried, or can never be sent as it is.
    Failed,
    /// It may have been sent.
    Unknown,
    /// A person wants it sent, and it has yet to be tried.
    AskedFor,
}

impl From<ParkedStream> for Listed {
    fn from(ParkedStream { stream, version, error, at, until }: ParkedStream) -> Self {
        match until {
            Until::Resumed => Self::Stream { stream, version, at, error },
            Until::Known(_) | Until::Swept => Self::Newer { stream, version, at, error },
        }
    }
}

impl From<ParkedUpdate> for Listed {
    fn from(ParkedUpdate { stream, parked }: ParkedUpdate) -> Self {
        let Parked { revision, reason, at } = parked;
        Self::Update { stream, revision, at, error: reason }
    }
}

impl From<Waiting> for Listed {
    fn from(Waiting { effect, why, tries, error, since }: Waiting) -> Self {
        let why = match why {
            WhyWaiting::Failed => Why::Failed,
            WhyWaiting::Unknown => Why::Unknown,
            WhyWaiting::AskedFor => Why::AskedFor,
        };
        Self::Mail { stream: effect.stream, event: effect.number, why, tries, error, at: since }
    }
}

impl Listed {
    /// As it is named on a command line.
    pub(crate) fn item(&self) -> Item {
        match self {
            Self::Stream { stream, .. }
            | Self::Newer { stream, .. }
            | Self::Update { stream, .. } => Item::Stream(stream.clone()),
            Self::Mail { stream, event, .. } => {
                Item::Effect(EffectId { stream: stream.clone(), number: *event })
            }
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Stream { .. } => "stream",
            Self::Newer { .. } => "newer",
            Self::Update { .. } => "update",
            Self::Mail { .. } => "mail",
        }
    }

    /// Since when it waits, if that is known.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Stream { at, .. } | Self::Newer { at, .. } | Self::Update { at, .. } => Some(*at),
            Self::Mail { at, .. } => *at,
        }
    }

    pub(crate) fn why(&self) -> String {
        match self {
            Self::Stream { error, .. } | Self::Newer { error, .. } => error.clone(),
            Self::Update { revision, error, .. } => {
                format!("revision {revision} could not be applied: {error}")
            }
            Self::Mail { why, tries, error, .. } => {
                let what = match why {
                    Why::Failed => format!("was not sent, tried {tries} times"),
                    Why::Unknown => "may have been sent".to_owned(),
                    Why::AskedFor => "is to be sent, and has yet to be tried".to_owned(),
                };
                let error = error.as_ref().map(|error| format!(": {error}"));
                what + &error.unwrap_or_default()
            }
        }
    }

    /// What a person does about it.
    pub(crate) fn way_out(&self) -> String {
        let item = self.item();
        match self {
            Self::Stream { .. } => {
                format!("deploy what can fold it, then: headwater parked retry {item}")
            }
            Self::Newer { .. } => "deploy the newer build: it goes on within a minute".to_owned(),
            Self::Update { .. } => {
                format!("free the name or address, then: headwater parked retry {item}")
            }
            Self::Mail { at, .. } => {
                let since = at.map(|at| format!(" --since {at}")).unwrap_or_default();
                format!("headwater parked retry {item}{since}, or parked drop")
            }
        }
    }

    pub(crate) fn columns(&self) -> [String; 5] {
        let version = match self {
            Self::Stream { version, .. } | Self::Newer { version, .. } => version.to_string(),
            Self::Update { .. } | Self::Mail { .. } => String::new(),
        };
        let since = self.since().map(|since| since.to_string());
        [
            self.kind().to_owned(),
            self.item().to_string(),
            version,
            since.unwrap_or_default(),
            self.why(),
        ]
    }

    pub(crate) fn text(&self) -> String {
        let (item, why) = (self.item(), self.why());
        match self {
            Self::Stream { version, at, .. } => format!(
                "{item} is parked since {at}: it cannot be brought to version {version}\n{why}"
            ),
            Self::Newer { version, at, .. } => {
                format!(
                    "{item} waits for a newer build since {at}, and goes on by itself: it is to \
                     be brought to version {version}\n{why}"
                )
            }
            Self::Update { at, .. } => {
                format!("an update of {item} is parked since {at}: its {why}\n{}", self.way_out())
            }
            Self::Mail { .. } => format!("the mail that {item} asks for waits: it {why}"),
        }
    }
}

/// Parked streams and parked updates, in order of name. A user's update is not shown beside its
/// parked stream, whose row is behind.
pub(crate) async fn streams_and_updates(
    connection: &Connection,
    tenant: Option<&str>,
    after: Option<&StreamName>,
    wanted: usize,
) -> Result<Vec<Listed>, Failure> {
    let mut all = streams(connection, tenant, after, wanted).await?;
    let parked: Vec<String> = all.iter().map(|listed| listed.item().to_string()).collect();
    let updates = updates(connection, tenant, after, wanted).await?;
    all.extend(updates.into_iter().filter(|update| !parked.contains(&update.item().to_string())));
    all.sort_by_key(|listed| listed.item().to_string());
    all.truncate(wanted);
    Ok(all)
}

pub(crate) async fn streams(
    connection: &Connection,
    tenant: Option<&str>,
    after: Option<&StreamName>,
    wanted: usize,
) -> Result<Vec<Listed>, Failure> {
    let mut parked: Vec<ParkedStream> = Vec::new();
    // Names begin with the domain, so this is their order too.
    for service in connection
        .domains
        .iter()
        .filter(|service| after.is_none_or(|after| after.domain() <= service.name))
    {
        let after = after.filter(|after| after.domain() == service.name);
        while parked.len() < wanted {
            let after = parked
                .last()
                .map(|parked| &parked.stream)
                .filter(|last| last.domain() == service.name)
                .or(after);
            let page = connection
                .views(service)
                .await?
                .parked(tenant, after, wanted - parked.len())
                .await?;
            if page.is_empty() {
                break;
            }
            parked.extend(page);
        }
    }
    Ok(parked.into_iter().map(Listed::from).collect())
}

pub(crate) async fn updates(
    connection: &Connection,
    tenant: Option<&str>,
    after: Option<&StreamName>,
    wanted: usize,
) -> Result<Vec<Listed>, Failure> {
    let mut updates = Vec::new();
    for service in connection.domains.iter().filter(|service| service.external.is_some()) {
        if after.is_none_or(|after| after.domain() <= service.name) {
            let views = connection.views(service).await?;
            let after = after.filter(|after| after.domain() == service.name);
            let wanted = wanted.saturating_sub(updates.len());
            let page = parked_updates(service, &views, tenant, after, wanted).await;
            updates.extend(page.map_err(read_error)?);
        }
    }
    Ok(updates.into_iter().map(Listed::from).collect())
}

pub(crate) async fn mails(
    connection: &Connection,
    tenant: Option<&str>,
    after: Option<EffectId>,
    wanted: usize,
) -> Result<Vec<Listed>, Failure> {
    let mut waiting: Vec<Waiting> = Vec::new();
    for service in connection
        .domains
        .iter()
        .filter(|service| after.as_ref().is_none_or(|after| after.stream.domain() <= service.name))
    {
        let Some(handler) = service.handler else { continue };
        let effects = connection.effects(handler.name).await?;
        let own = |effect: &&EffectId| effect.stream.domain() == service.name;
        while waiting.len() < wanted {
            let after =
                waiting.last().map(|last| &last.effect).filter(own).or(after.as_ref().filter(own));
            let page = effects.waiting(tenant, after, wanted - waiting.len()).await?;
            if page.is_empty() {
                break;
            }
            waiting.extend(page);
        }
    }
    Ok(waiting.into_iter().map(Listed::from).collect())
}

/// Why rows could not be read.
pub(crate) fn read_error(error: ReadError) -> Failure {
    match error {
        ReadError::Store(error) => error.into(),
        error => Failure::Trouble(error.into()),
    }
}
