use clap::Subcommand;
use headwater::StreamName;
use headwater_dynamodb::ParkedStream;
use headwater_services::{SERVICES, Service};
use jiff::Timestamp;
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Subcommand)]
pub(crate) enum Parked {
    /// A tenant's parked streams, in order of name.
    Ls {
        /// Whose streams.
        #[arg(long, env = "HEADWATER_TENANT", hide_env_values = true)]
        tenant: String,
        /// Go on after this stream.
        #[arg(long, value_name = "STREAM")]
        after: Option<StreamName>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Why one stream is parked.
    Show {
        /// Its whole name: acme/identity/users/ada
        stream: StreamName,
    },
    /// Fold a parked stream on, once its cause is repaired. If it cannot be folded still it is parked again.
    Retry {
        /// Its whole name: acme/identity/users/ada
        stream: StreamName,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Parked {
    pub(crate) async fn run(self, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::Ls { tenant, after, limit } => ls(connection, output, &tenant, after.as_ref(), limit).await,
            Self::Show { stream } => {
                let parked = Listed::from(find(connection, &stream).await?.1);
                output.one(&parked, |Listed { stream, version, at, error }| {
                    Ok(format!("{stream} is parked since {at}: it cannot be brought to version {version}\n{error}"))
                })
            }
            Self::Retry { stream, dry_run } => retry(connection, output, &stream, dry_run).await,
        }
    }
}

/// A parked stream.
#[derive(Serialize)]
struct Listed {
    stream: StreamName,
    /// What it should have been brought to.
    version: u64,
    at: Timestamp,
    error: String,
}

impl From<ParkedStream> for Listed {
    fn from(ParkedStream { stream, version, error, at }: ParkedStream) -> Self {
        Self { stream, version, at, error }
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
    after: Option<&StreamName>,
    limit: usize,
) -> Result<(), Failure> {
    let mut parked = Vec::new();
    // One more than is shown tells whether there are more. Names begin with the domain, so this is their order too.
    let wanted = limit.saturating_add(1);
    for service in SERVICES.iter().filter(|service| after.is_none_or(|after| after.domain() <= service.domain)) {
        let after = after.filter(|after| after.domain() == service.domain);
        while parked.len() < wanted {
            let after = parked.last().map(|parked: &ParkedStream| &parked.stream).filter(|last| last.domain() == service.domain).or(after);
            let page = connection.views(service).await?.parked(tenant, after, wanted - parked.len()).await?;
            if page.is_empty() {
                break;
            }
            parked.extend(page);
        }
    }
    let goes_on = parked.len() > limit;
    parked.truncate(limit);
    let parked: Vec<Listed> = parked.into_iter().map(Listed::from).collect();
    output.list(&parked, ["STREAM", "VERSION", "SINCE", "WHY"], |Listed { stream, version, at, error }| {
        [stream.to_string(), version.to_string(), at.to_string(), error.clone()]
    })?;
    match parked.last().filter(|_| goes_on) {
        Some(last) => output.remark(&format!("there are more: --after {}", last.stream)),
        None => Ok(()),
    }
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
