//! `views rebuild`, `switch` and `drop`: a service's rows anew, beside those that are read.

use std::pin::pin;
use std::time::Duration;

use clap::Args;
use headwater::Domain;
use headwater_dynamodb::{
    Check, Lacking, Pace, Pointer, Progress as Scan, Progressed, Rebuild, RebuildError, Why,
};
use serde::Serialize;
use tokio::time::interval;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;

/// How often a scan's progress is read.
const LOOK: Duration = Duration::from_millis(250);

/// How many of the streams that lack something are listed.
const MOST_TOLD: usize = 10;

#[derive(Args)]
pub(crate) struct Build {
    #[command(flatten)]
    of: Of,
    /// How many parts the events table is divided into; 16 are read at a time, so fewer take less
    /// of its capacity. An interrupted rebuild keeps its number.
    #[arg(
        long, default_value_t = 64, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    segments: u32,
}

#[derive(Args)]
pub(crate) struct Switch {
    #[command(flatten)]
    of: Of,
    /// Switch back at once to the rows that were read before the last switch.
    #[arg(long, conflicts_with = "force")]
    back: bool,
    /// Switch even if the new rows lack something.
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub(crate) struct Discard {
    #[command(flatten)]
    of: Of,
}

/// Whose rows, and how.
#[derive(Args)]
struct Of {
    /// The service: identity
    domain: String,
    /// How long each step waits for processes that still use the generations from before a change.
    /// Shorten it only if no function runs.
    #[arg(long, value_name = "SECONDS", default_value_t = Pace::default().settle.as_secs())]
    settle: u64,
    /// Only print what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// What was built.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Built<'a> {
    domain: &'a str,
    generation: u32,
    /// How many streams have rows in the generation that is read.
    streams: u64,
    /// How many of them the new generation lacks something of.
    lacking: u64,
    /// Some of these.
    examples: Vec<Told<'a>>,
}

/// A stream whose row in the new generation will not do.
#[derive(Serialize)]
struct Told<'a> {
    stream: &'a str,
    version: u64,
    wanted: u64,
    why: String,
}

/// The result of a step.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step<'a> {
    domain: &'a str,
    /// The one that is built, read or dropped then.
    generation: u32,
    /// How many items were deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<u64>,
    dry_run: bool,
}

impl Of {
    async fn rebuild(&self, connection: &Connection) -> Result<Rebuild, Failure> {
        let service = service(connection, &self.domain)?;
        let pace = Pace { settle: Duration::from_secs(self.settle), ..Pace::default() };
        Ok(connection.rebuild(service).await?.at_pace(pace))
    }

    /// Prints what a step did, or would do.
    fn tell(
        &self,
        output: &mut Output<'_>,
        generation: u32,
        items: Option<u64>,
        text: &str,
    ) -> Result<(), Failure> {
        output.one(&Step { domain: &self.domain, generation, items, dry_run: self.dry_run }, |_| {
            Ok(text.to_owned())
        })
    }
}

impl Build {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let rebuild = self.of.rebuild(connection).await?;
        if self.of.dry_run {
            let (generation, text) = would_build(&self.of.domain, &rebuild.pointer().await?)?;
            return self.of.tell(output, generation, None, &text);
        }
        let scan = Scan::default();
        let generation = watched(rebuild.build(self.segments, &scan), &scan, output).await?.0;
        let check = rebuild.check().await?;
        let Self { of: Of { domain, .. }, .. } = &self;
        let built = Built {
            domain,
            generation,
            streams: check.streams,
            lacking: check.lacking,
            examples: told(&check),
        };
        output.one(&built, |built| {
            Ok(format!(
                "generation {generation} of {domain} is built, with {} streams",
                built.streams
            ))
        })?;
        match check.lacking {
            0 => output.remark(&format!("next: headwater views switch {domain}")),
            _ => Err(RebuildError::Incomplete(check).into()),
        }
    }
}

impl Switch {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let Self { of, back, force } = &self;
        let (rebuild, domain) = (of.rebuild(connection).await?, &of.domain);
        if of.dry_run {
            let pointer = rebuild.pointer().await?;
            let target = if *back {
                pointer.previous
            } else {
                pointer.building.filter(|b| b.lease.is_none()).map(|b| b.generation)
            };
            let read = pointer.generation;
            let target = target
                .ok_or(if *back {
                    RebuildError::NoPrevious
                } else {
                    RebuildError::NotBuilt { read }
                })?
                .0;
            let check = if *back { "" } else { ", once they lack nothing that the others have" };
            return of.tell(
                output,
                target,
                None,
                &format!("the rows of {domain} would be read from generation {target}{check}"),
            );
        }
        let switched =
            if *back { rebuild.switch_back().await? } else { rebuild.switch(*force).await? };
        let (read, previous) = (switched.read.0, switched.previous.0);
        of.tell(
            output,
            read,
            None,
            &format!(
                "the rows of {domain} are read from generation {read}, before from {previous}"
            ),
        )?;
        output.remark(&format!(
            "next: headwater views drop {domain}, or headwater views switch {domain} --back"
        ))
    }
}

impl Discard {
    pub(crate) async fn run(
        self,
        connection: &Connection,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let rebuild = self.of.rebuild(connection).await?;
        if self.of.dry_run {
            let pointer = rebuild.pointer().await?;
            let generation =
                pointer.dropping.or(pointer.beside().next()).ok_or(RebuildError::NothingToDrop)?.0;
            let text = format!(
                "generation {generation} of {} would be dropped; {} is read",
                self.of.domain, pointer.generation.0
            );
            return self.of.tell(output, generation, None, &text);
        }
        let (generation, items) = rebuild.discard().await?;
        let text =
            format!("generation {} of {} was dropped: {items} items", generation.0, self.of.domain);
        self.of.tell(output, generation.0, Some(items), &text)
    }
}

fn service(connection: &Connection, domain: &str) -> Result<&'static Domain, Failure> {
    connection.domains.named(domain).ok_or_else(|| {
        let names: Vec<_> = connection.domains.iter().map(|service| service.name).collect();
        anyhow::anyhow!("there is no service {domain}: there are {}", names.join(", ")).into()
    })
}

/// Which generation would be built, or gone on with.
fn would_build(domain: &str, pointer: &Pointer) -> Result<(u32, String), RebuildError> {
    match &pointer.building {
        Some(building) if building.lease.is_none() => Ok((
            building.generation.0,
            format!("generation {} of {domain} is built already", building.generation.0),
        )),
        Some(building) => Ok((
            building.generation.0,
            format!("generation {} of {domain} would be built on", building.generation.0),
        )),
        None => match pointer.previous.or(pointer.dropping) {
            Some(other) => Err(RebuildError::InTheWay(other)),
            None => {
                let (new, read) = (pointer.last.0 + 1, pointer.generation.0);
                Ok((
                    new,
                    format!(
                        "generation {new} of {domain} would be built beside {read}, from all \
                         events"
                    ),
                ))
            }
        },
    }
}

/// Waits for a step, and shows its scan's progress meanwhile.
async fn watched<T>(
    step: impl Future<Output = Result<T, RebuildError>>,
    scan: &Scan,
    output: &mut Output<'_>,
) -> Result<T, Failure> {
    let (mut step, mut looks, mut progress) = (pin!(step), interval(LOOK), Progress::start());
    loop {
        tokio::select! {
            biased;
            done = &mut step => return Ok(done?),
            _ = looks.tick() => progress.tell(output, || text(scan.now()))?,
        }
    }
}

fn text(Progressed { segments, segments_done, scanned, streams, units }: Progressed) -> String {
    match segments {
        0 => "waiting until every process knows of the new generation".to_owned(),
        _ => format!(
            "{segments_done} of {segments} segments; {scanned} commits read ({units} units), \
             {streams} streams"
        ),
    }
}

fn told(check: &Check) -> Vec<Told<'_>> {
    let why = |why: &Why| match why {
        Why::Parked(error) => format!("parked: {error}"),
        Why::Revision(revision) => format!("folded by another build, with revision {revision}"),
        Why::Newer(event) => format!("{event}: build and switch with that one"),
        Why::Behind => "its events are not there".to_owned(),
    };
    let told = |lacking: &'_ Lacking| (lacking.version, lacking.wanted, why(&lacking.why));
    let lacking = check.examples.iter().take(MOST_TOLD);
    lacking
        .map(|lacking| {
            let (version, wanted, why) = told(lacking);
            Told { stream: lacking.stream.as_str(), version, wanted, why }
        })
        .collect()
}

impl From<RebuildError> for Failure {
    fn from(error: RebuildError) -> Self {
        let text = error.to_string();
        match error {
            RebuildError::Store(error) => error.into(),
            RebuildError::NotBuilt { .. }
            | RebuildError::NoPrevious
            | RebuildError::NothingToDrop => Self::NotFound(text),
            RebuildError::Incomplete(check) => {
                let examples = told(&check).into_iter();
                let lines = examples.map(|Told { stream, version, wanted, why }| {
                    format!("\n  {stream} has {version} of {wanted}: {why}")
                });
                Self::Trouble(anyhow::Error::msg(text + &lines.collect::<String>()))
            }
            _ => Self::Trouble(anyhow::Error::msg(text)),
        }
    }
}
