use clap::Subcommand;
use futures::{StreamExt, TryStreamExt};
use headwater::{Domain, ProjectionFn, StreamName, own_row};
use headwater_dynamodb::{EventStore, Pointer, RowStatus, Until, Views as Rows};
use headwater_services::list_streams;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::rebuild;

/// How many streams are checked at a time.
const AT_ONCE: usize = 16;

/// How many streams one read of the change feeds returns.
const PAGE: usize = 200;

#[derive(Subcommand)]
pub(crate) enum Views {
    /// List the services' rows: the generation that is read, the ones beside it, and this build's
    /// revision.
    Ls,
    /// List a tenant's streams whose rows are behind their events. Two reads for each stream that
    /// the change feeds know; `relay repair --dry-run` finds others.
    Lag {
        /// Whose streams.
        #[arg(long, env = "HEADWATER_TENANT", hide_env_values = true)]
        tenant: String,
        /// Only names that begin like this, without the tenant: identity/users/
        #[arg(long, default_value = "", hide_default_value = true)]
        prefix: String,
    },
    /// Rebuild a service's rows from all events, beside those that are read, without downtime. An
    /// interrupted rebuild continues. Reads the whole events table.
    Rebuild(rebuild::Build),
    /// Make queries read the rebuilt rows, if they lack nothing that the others have. The others
    /// are still kept up to date.
    Switch(rebuild::Switch),
    /// Delete the rows that are not read: those from before the last switch, or rebuilt ones.
    Drop(rebuild::Discard),
}

impl Views {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Ls => ls(connection, output).await,
            Self::Lag { tenant, prefix } => lag(connection, output, &tenant, &prefix).await,
            Self::Rebuild(build) => build.run(connection, output).await,
            Self::Switch(switch) => switch.run(connection, output).await,
            Self::Drop(discard) => discard.run(connection, output).await,
        }
    }
}

/// A kind of row.
#[derive(Serialize)]
struct Kind {
    domain: &'static str,
    generation: u32,
    category: &'static str,
    revision: u32,
    /// The generations beside the one that is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    beside: Vec<Beside>,
}

/// A generation that is not read.
#[derive(Clone, Serialize)]
struct Beside {
    generation: u32,
    /// `building` or `built`, `previous`, or `dropping`.
    is: &'static str,
}

/// The purpose of a generation that is not read.
fn beside(pointer: &Pointer) -> Vec<Beside> {
    let building = pointer.building.as_ref().map(|building| {
        let is = if building.lease.is_some() { "building" } else { "built" };
        (building.generation, is)
    });
    let others = [
        building,
        pointer.previous.map(|previous| (previous, "previous")),
        pointer.dropping.map(|dropping| (dropping, "dropping")),
    ];
    others
        .into_iter()
        .flatten()
        .map(|(generation, is)| Beside { generation: generation.0, is })
        .collect()
}

async fn ls(connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut kinds = Vec::new();
    for service in connection.domains.iter() {
        let Domain { name: domain, projections, .. } = service;
        let pointer = connection.rebuild(service).await?.pointer().await?;
        let (generation, beside) = (pointer.generation.0, beside(&pointer));
        let kind = |row: &ProjectionFn| Kind {
            domain,
            generation,
            category: row.category,
            revision: row.revision,
            beside: beside.clone(),
        };
        kinds.extend(projections.iter().map(kind));
    }
    output.list(&kinds, ["DOMAIN", "GENERATION", "BESIDE IT", "ROWS OF", "REVISION"], |kind| {
        let Kind { domain, generation, category, revision, beside } = kind;
        let beside: Vec<String> =
            beside.iter().map(|Beside { generation, is }| format!("{generation} {is}")).collect();
        [
            (*domain).to_owned(),
            generation.to_string(),
            beside.join(", "),
            (*category).to_owned(),
            revision.to_string(),
        ]
    })
}

/// A stream whose row is behind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Behind {
    stream: StreamName,
    /// The stream's version.
    version: u64,
    /// Its row's, 0 if it has none.
    row_version: u64,
    why: Why,
}

/// Why a row is behind.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Why {
    /// The stream is parked.
    Parked,
    /// It was folded by another revision, so no read uses it.
    Revision,
    /// It waits for a newer build, which knows its next event.
    Newer,
    /// The projector has not reached it yet.
    Late,
}

impl Why {
    /// As people and programs read it.
    fn name(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Revision => "revision",
            Self::Newer => "newer",
            Self::Late => "late",
        }
    }
}

async fn lag(
    connection: &Connection,
    output: &mut Output<'_>,
    tenant: &str,
    prefix: &str,
) -> Result<(), Failure> {
    let (feed, store) = (connection.feed().await?, connection.store().await?);
    let mut rows = Vec::new();
    for service in connection.domains.iter() {
        rows.push((service, connection.views(service).await?));
    }
    let mut behind = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let streams =
            list_streams(&connection.domains, &feed, tenant, prefix, after.as_deref(), PAGE)
                .await?;
        let Some((last, _)) = streams.last() else { break };
        after = Some(last.within_tenant().to_owned());
        let looks = streams.into_iter().map(|(stream, _)| look(&store, &rows, stream));
        behind.extend(
            futures::stream::iter(looks)
                .buffered(AT_ONCE)
                .try_collect::<Vec<_>>()
                .await?
                .into_iter()
                .flatten(),
        );
    }
    output.list(
        &behind,
        ["STREAM", "VERSION", "ROW", "WHY"],
        |Behind { stream, version, row_version, why }| {
            [
                stream.to_string(),
                version.to_string(),
                row_version.to_string(),
                why.name().to_owned(),
            ]
        },
    )
}

/// How far behind a stream's row is, if it is. The row is read first: what is written meanwhile
/// makes it seem behind at worst.
async fn look(
    store: &EventStore,
    rows: &[(&Domain, Rows)],
    stream: StreamName,
) -> Result<Option<Behind>, Failure> {
    let Some((service, rows)) = rows.iter().find(|(service, _)| service.name == stream.domain())
    else {
        return Ok(None);
    };
    let Some(projection) = own_row(service.projections, &stream.category()) else {
        return Ok(None);
    };
    let row = rows.status(&stream).await?;
    let version = store.head(&stream).await?;
    let why = match row {
        RowStatus { is_parked: true, .. } => Why::Parked,
        RowStatus { version: 1.., revision, .. } if revision != projection.revision => {
            Why::Revision
        }
        _ if row.version < version => {
            match rows.parked_stream(&stream).await?.map(|parked| parked.until) {
                Some(Until::Known(_)) => Why::Newer,
                _ => Why::Late,
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(Behind { stream, version, row_version: row.version, why }))
}
