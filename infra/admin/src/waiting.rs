//! `waiting`: all that waits for a person or for another try, whoever gave it up. Nothing waits
//! that is not in it.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::failures::{Shown, found, read};
use crate::listed::{Listed, mails, streams, updates};
use crate::output::Output;

#[derive(Args)]
pub(crate) struct Waiting {
    /// Only this tenant's streams, updates and mails. All batches are shown, since they hold
    /// records of many tenants.
    #[arg(long, env = "HEADWATER_TENANT", hide_env_values = true)]
    tenant: Option<String>,
    /// At most this many of each kind.
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// One thing that waits.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: &'static str,
    /// As it is named on a command line.
    item: String,
    /// Since when, if that is known.
    since: Option<Timestamp>,
    why: String,
    /// What a person does about it.
    way_out: String,
}

impl From<Listed> for Entry {
    fn from(listed: Listed) -> Self {
        let item = listed.item().to_string();
        Self {
            kind: listed.kind(),
            item,
            since: listed.since(),
            why: listed.why(),
            way_out: listed.way_out(),
        }
    }
}

impl From<Shown> for Entry {
    fn from(shown: Shown) -> Self {
        let item = shown.key().to_owned();
        Self {
            kind: shown.kind(),
            item,
            since: Some(shown.since()),
            why: shown.why(),
            way_out: shown.way_out(),
        }
    }
}

impl Waiting {
    /// The oldest first; those of unknown age come before all others.
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let (tenant, bucket) = (self.tenant.as_deref(), connection.failures().await?);
        // One more than is shown tells whether there are more.
        let wanted = self.limit.saturating_add(1);
        let objects = read(&bucket, found(&bucket, None, wanted).await?).await?;
        let kinds: [Vec<Entry>; 4] = [
            streams(connection, tenant, None, wanted).await?.into_iter().map(Entry::from).collect(),
            updates(connection, tenant, None, wanted).await?.into_iter().map(Entry::from).collect(),
            mails(connection, tenant, None, wanted).await?.into_iter().map(Entry::from).collect(),
            objects.into_iter().map(Entry::from).collect(),
        ];
        let mut entries: Vec<Entry> = Vec::new();
        for mut kind in kinds {
            if kind.len() > self.limit {
                output.remark(&format!(
                    "of kind {} there are more than are shown: --limit",
                    kind[0].kind
                ))?;
                kind.truncate(self.limit);
            }
            entries.extend(kind);
        }
        entries.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.item.cmp(&b.item)));
        output.list(
            &entries,
            ["KIND", "ITEM", "SINCE", "WHY", "WAY OUT"],
            |Entry { kind, item, since, why, way_out }| {
                let since = since.map(|since| since.to_string()).unwrap_or_default();
                [(*kind).to_owned(), item.clone(), since, why.clone(), way_out.clone()]
            },
        )
    }
}
