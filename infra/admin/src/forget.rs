//! `forget`: forgets whom a stream tells of, and `certificate`: whether that was certified.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use headwater::{AggregateFn, Domain, EventDraft, StreamName};
use headwater_dynamodb::EventStore;
use headwater_services::{Certificate, NotCertified, certify};
use jiff::Timestamp;
use serde_json::Map;

use crate::amend::Amend;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;

/// How long it may take, the reading of a long history included.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(crate) struct Forget {
    /// The stream that tells of the person, by its whole name: acme/identity/users/ada
    subject: StreamName,
    /// Why, without a word that tells of the person. It is kept for ever.
    #[arg(long)]
    reason: String,
    /// Who forgets.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: String,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
}

impl Forget {
    /// Appends the event that says it, unless there is one, then destroys the key.
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let (domain, forgets) = self.kind(connection)?;
        let store = connection.store_with_keys().await?;
        let (subject, is_dry_run) = (self.subject.clone(), self.dry_run);
        if !is_said(&store, &subject, forgets).await? {
            let event = EventDraft { event_type: forgets.to_owned(), data: Map::new() };
            let Self { subject, reason, by, dry_run } = self;
            let amend = Amend::of_one(subject, event, reason, by, dry_run);
            if output.is_json() && !is_dry_run {
                // The certificate is the one document.
                amend.amend(connection, &store, None, Timestamp::now(), false).await?;
            } else {
                amend.run(connection, output).await?;
            }
        }
        if is_dry_run {
            return Ok(());
        }
        let (views, deadline) = (connection.views(domain).await?, Instant::now() + PATIENCE);
        // Whoever appended the event may have died before the key was destroyed.
        store.forget(&subject, Timestamp::now()).await?;
        let certificate = certify(&connection.domains, &store, &views, &subject, deadline).await?;
        output.one(&certificate, |certificate| Ok(text(certificate)))
    }

    /// Whose stream it is, and the type of the event that says that its subject is forgotten.
    fn kind(&self, connection: &Connection) -> Result<(&'static Domain, &'static str), Failure> {
        let domain = connection.domains.of(&self.subject);
        let forgets = |aggregate: &AggregateFn| aggregate.forgets;
        domain
            .and_then(|domain| {
                Some((domain, domain.aggregate(&self.subject.category()).and_then(forgets)?))
            })
            .ok_or_else(|| NotCertified::Kind.into())
    }
}

async fn is_said(store: &EventStore, subject: &StreamName, forgets: &str) -> Result<bool, Failure> {
    let commits = store.sealed().commits_until(subject, u64::MAX).await?;
    Ok(commits.iter().flat_map(|commit| &commit.events).any(|event| event.event_type == forgets))
}

#[derive(Args)]
pub(crate) struct Check {
    /// The certificate, as `forget` or the call `erase` has answered it.
    file: PathBuf,
}

impl Check {
    /// Exit code 1 if the certificate is not signed by the master key.
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let file = self.file.display();
        let text = fs::read_to_string(&self.file).with_context(|| file.to_string())?;
        let certificate: Certificate = serde_json::from_str(&text)
            .with_context(|| format!("{file} is no certificate that a subject was forgotten"))?;
        if !certificate.is_signed(&connection.store().await?)? {
            let why = format!("{file} is not signed by the master key, or was changed since");
            return Err(Failure::NotFound(why));
        }
        output.one(&certificate, |certificate| {
            Ok(format!("signed, and as it was: {} is forgotten", certificate.subject))
        })
    }
}

impl From<NotCertified> for Failure {
    fn from(none: NotCertified) -> Self {
        match none {
            NotCertified::Store(error) => error.into(),
            none => Self::NotFound(none.to_string()),
        }
    }
}

/// A certificate, for people.
fn text(certificate: &Certificate) -> String {
    let Certificate { subject, version, forgotten_at, forgotten_by, .. } = certificate;
    let mut text =
        format!("{subject} is forgotten: event {version}, by {forgotten_by} at {forgotten_at}");
    text += match certificate.key_is_destroyed {
        true => "\nkey destroyed",
        false => "\nkey NOT YET destroyed",
    };
    text += match certificate.rows_are_purged {
        true => "\nrows, lists and searches purged",
        false => "\nrows NOT YET purged: run this again once the projector has caught up",
    };
    if certificate.plain_events > 0 {
        let plain = certificate.plain_events;
        text += &format!("\n{plain} events are older than their encryption, and STILL READABLE");
    }
    text + &format!("\nsigned by {}: {}", certificate.signed_by, certificate.signature)
}
