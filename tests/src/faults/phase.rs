//! What goes wrong, phase by phase.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fastrand::Rng;
use headwater_local::template::Template;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::Platform;

/// What can go wrong.
const SERVICES: [&str; 2] = ["dynamodb", "kinesis"];

/// The share of calls that a fault strikes. DynamoDB is called several times for each request, the
/// streams are called seldom; a call that is not answered holds up its function for seconds.
const DYNAMODB: f64 = 0.2;
const KINESIS: f64 = 0.5;
const TIMEOUT: f64 = 0.1;

/// Where all is mixed: how long after one function the next is given other faults.
const TURN: Duration = Duration::from_millis(40);

/// How long it may take to strike any call, or to find a process of every function to kill, the
/// phase being over.
const PATIENCE: Duration = Duration::from_secs(180);

/// A fault that the front door knows.
#[derive(Clone)]
pub(super) struct Fault {
    service: String,
    name: String,
}

/// What goes wrong in a phase.
pub(super) enum Phase {
    /// Nothing, to compare with.
    Calm,
    /// A fault strikes some of the calls of its service.
    One(Fault),
    /// A service is out of reach for all functions.
    Outage(&'static str),
    /// All faults, each of some function for some seconds; and the processes of one function after
    /// the other are killed.
    Mixed,
    /// All faults, and the whole platform is killed and started again.
    Killed,
}

/// What a phase has done.
#[derive(Default)]
pub(super) struct Done {
    /// How many calls faults have struck.
    pub(super) struck: u64,
    /// How many processes were killed.
    pub(super) killed: u64,
}

/// What the platform has, to be broken.
pub(super) struct Targets {
    faults: Vec<Fault>,
    functions: Vec<String>,
}

impl Targets {
    /// All faults that the front door of this platform knows, and all functions of the template.
    pub(super) async fn of(platform: &Platform) -> Result<Self> {
        let of_service = |(service, kinds): (String, BTreeMap<String, u64>)| {
            kinds.into_keys().map(move |name| Fault { service: service.clone(), name })
        };
        let faults: Vec<Fault> =
            platform.faults().await?.into_iter().flat_map(of_service).collect();
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"))?;
        let mut functions =
            Template::parse(&text, &BTreeMap::new(), &mut |_| Ok(String::new()))?.functions;
        // Those that nobody calls come first: they may have to be waited for.
        functions.sort_by_key(|function| !function.routes.is_empty());
        ensure!(!faults.is_empty() && !functions.is_empty(), "there is nothing to break");
        ensure!(
            faults.iter().all(|fault| SERVICES.contains(&fault.service.as_str())),
            "a service that this does not know"
        );
        Ok(Self {
            faults,
            functions: functions.into_iter().map(|function| function.name).collect(),
        })
    }

    /// All phases: each fault alone, then all that is worse.
    pub(super) fn phases(&self) -> Vec<Phase> {
        let alone = self.faults.iter().cloned().map(Phase::One);
        let outages = SERVICES.into_iter().rev().map(Phase::Outage);
        std::iter::once(Phase::Calm)
            .chain(alone)
            .chain(outages)
            .chain([Phase::Mixed, Phase::Killed])
            .collect()
    }

    /// How many functions there are.
    pub(super) fn functions(&self) -> usize {
        self.functions.len()
    }
}

impl Phase {
    /// As the report calls it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Calm => "no fault".to_owned(),
            Self::One(Fault { service, name }) => format!("{service}: `{name}`"),
            Self::Outage(service) => format!("{service}: `unreachable`, all calls"),
            Self::Mixed => "all mixed, every function killed".to_owned(),
            Self::Killed => "all mixed, the platform killed".to_owned(),
        }
    }

    /// Goes through the phase, and ends all faults. Where the platform is started anew, `url` is
    /// told of it.
    pub(super) async fn run(
        &self,
        platform: &mut Platform,
        targets: &Targets,
        time: Duration,
        rng: &mut Rng,
        url: &watch::Sender<String>,
    ) -> Result<Done> {
        let before = struck(platform).await?;
        let mut done = Done::default();
        match self {
            Self::Calm => sleep(time).await,
            Self::One(Fault { service, name }) => {
                let rate = rate(service, name);
                platform.fault(json!({ "service": service, "fault": name, "rate": rate })).await?;
                until_it_strikes(platform, before, time).await?;
            }
            Self::Outage(service) => {
                platform
                    .fault(json!({ "service": service, "fault": "unreachable", "rate": 1.0 }))
                    .await?;
                until_it_strikes(platform, before, time).await?;
            }
            Self::Mixed => {
                let mut kills = Kills::of_all(targets, time)?;
                mix(platform, targets, time, rng, &mut kills).await?;
                done.killed = kills.killed;
            }
            Self::Killed => {
                mix(platform, targets, time / 2, rng, &mut Kills::none()).await?;
                done.struck = struck(platform).await? - before;
                platform.kill()?;
                platform.restart()?;
                url.send_replace(platform.url().to_owned());
                mix(platform, targets, time / 2, rng, &mut Kills::none()).await?;
                done.killed = 1;
            }
        }
        let now = struck(platform).await?;
        done.struck += if matches!(self, Self::Killed) { now } else { now - before };
        for service in SERVICES {
            platform.fault(json!({ "service": service, "fault": "none" })).await?;
        }
        Ok(done)
    }
}

/// Waits for so long, and until a fault has struck: else nothing would be shown.
async fn until_it_strikes(platform: &Platform, before: u64, time: Duration) -> Result<()> {
    sleep(time).await;
    let over = Instant::now();
    while struck(platform).await? == before {
        ensure!(over.elapsed() < PATIENCE, "no call was struck");
        sleep(TURN).await;
    }
    Ok(())
}

/// Functions whose processes are to be killed, one function after the other.
struct Kills {
    left: VecDeque<String>,
    each: Duration,
    due: Instant,
    /// How many processes were killed.
    killed: u64,
}

impl Kills {
    fn none() -> Self {
        Self { left: VecDeque::new(), each: Duration::ZERO, due: Instant::now(), killed: 0 }
    }

    /// All functions, evenly within so long.
    fn of_all(targets: &Targets, time: Duration) -> Result<Self> {
        let left: VecDeque<String> = targets.functions.iter().cloned().collect();
        let each = time / u32::try_from(left.len())?;
        Ok(Self { left, each, ..Self::none() })
    }

    /// Kills whose turn has come.
    async fn go_on(&mut self, platform: &Platform) -> Result<()> {
        while self.due <= Instant::now()
            && let Some(function) = self.left.pop_front()
        {
            self.due += self.each;
            match platform.kill_function(&function).await? {
                // It has none just now. One that comes round each hour is not waited for.
                0 => {
                    platform.schedule(&function).await.ok();
                    self.left.push_back(function);
                }
                processes => self.killed += processes,
            }
        }
        Ok(())
    }
}

/// Gives each function some fault of each service, and others when its turn comes again: for so
/// long, and until all are killed that are to be.
async fn mix(
    platform: &Platform,
    targets: &Targets,
    time: Duration,
    rng: &mut Rng,
    kills: &mut Kills,
) -> Result<()> {
    let began = Instant::now();
    for function in &targets.functions {
        strike(platform, targets, function, rng).await?;
    }
    for function in targets.functions.iter().cycle() {
        if began.elapsed() >= time && kills.left.is_empty() {
            break;
        }
        ensure!(
            began.elapsed() < time + PATIENCE,
            "no process could be killed of {:?}",
            kills.left
        );
        kills.go_on(platform).await?;
        strike(platform, targets, function, rng).await?;
        sleep(TURN).await;
    }
    Ok(())
}

async fn strike(
    platform: &Platform,
    targets: &Targets,
    function: &str,
    rng: &mut Rng,
) -> Result<()> {
    for service in SERVICES {
        let faults: Vec<&Fault> =
            targets.faults.iter().filter(|fault| fault.service == service).collect();
        let Some(Fault { name, .. }) = rng.choice(faults) else { continue };
        // For one function, what is out of reach is so for every call.
        let rate = if name == "unreachable" { 1.0 } else { rate(service, name) };
        platform
            .fault(json!({ "service": service, "fault": name, "rate": rate, "function": function }))
            .await?;
    }
    Ok(())
}

fn rate(service: &str, name: &str) -> f64 {
    match (service, name) {
        ("kinesis", _) => KINESIS,
        (_, "timeout") => TIMEOUT,
        _ => DYNAMODB,
    }
}

/// How many calls faults have struck since the platform's start.
async fn struck(platform: &Platform) -> Result<u64> {
    Ok(platform.faults().await?.values().flat_map(BTreeMap::values).sum())
}
