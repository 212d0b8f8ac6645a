//! ```text
//! cargo simulate --seeds 1000                        # the seeds 0 to 999
//! cargo simulate --seeds 1000 --from 5000
//! cargo simulate --seeds 1000 --with torn             # with this trouble in each of them
//! cargo simulate --seed 17                           # one, with all that happens
//! cargo simulate --seed 17 --sessions 1 --requests 3 --troubles crashes,delays
//! ```

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use anyhow::Result;
use clap::Parser;
use headwater_simulation::{Plan, Report, Trouble, run, shrink};
use indicatif::ProgressBar;

/// Runs the simulation from seeds; a seed that fails is made smaller, and told with the command
/// that runs it again.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One seed alone, with all that happens in it.
    #[arg(long)]
    seed: Option<u64>,
    /// With another number of clients than follows from the seed.
    #[arg(long, requires = "seed")]
    sessions: Option<usize>,
    /// With another number of requests for each of them.
    #[arg(long, requires = "seed")]
    requests: Option<usize>,
    /// With other troubles; `none` for none.
    #[arg(long, requires = "seed", value_delimiter = ',')]
    troubles: Option<Vec<String>>,
    /// Troubles that every seed has, whatever follows from it.
    #[arg(long, value_delimiter = ',', value_enum, conflicts_with = "seed")]
    with: Vec<Trouble>,
    /// How many at a time [default: as many as there are cores].
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    }
}

fn one(arguments: &Arguments, seed: u64) -> Result<ExitCode> {
    let mut plan = Plan::of(seed);
    plan.sessions = arguments.sessions.unwrap_or(plan.sessions);
    plan.requests = arguments.requests.unwrap_or(plan.requests);
    if let Some(names) = &arguments.troubles {
        let named = names.iter().filter(|name| *name != "none");
        plan.troubles = named
            .map(|name| {
                <Trouble as clap::ValueEnum>::from_str(name, true).map_err(anyhow::Error::msg)
            })
            .collect::<Result<_>>()?;
    }
    let mut out = stdout().lock();
    writeln!(out, "{plan}")?;
    match run(&plan, true) {
        Ok(Report { requests, commits, archived, course, log }) => {
            log.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            writeln!(
                out,
                "{requests} requests of the processes, {commits} commits, {archived} of them in \
                 the archive alone, course {course:x}: all is well"
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            failure.log.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            writeln!(out, "{}", failure.what)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn many(arguments: &Arguments) -> Result<ExitCode> {
    let threads =
        arguments.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from + arguments.seeds;
    let failed = AtomicU64::new(0);
    let bar = ProgressBar::new(arguments.seeds);
    let tell = |text: &str| _ = bar.suspend(|| writeln!(stdout(), "{text}"));
    let (requests, archived) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= end {
                return;
            }
            let mut plan = Plan::of(seed);
            plan.troubles.extend(&arguments.with);
            match run(&plan, false) {
                Ok(report) => {
                    requests.fetch_add(report.requests, Relaxed);
                    archived.fetch_add(report.archived as u64, Relaxed);
                }
                Err(failure) => {
                    failed.fetch_add(1, Relaxed);
                    tell(&format!("seed {seed}: {}\n  {plan}", failure.what));
                    let (smallest, failure) = shrink(&plan, failure);
                    tell(&format!("seed {seed}, smaller: {}\n  {smallest}", failure.what));
                }
            }
            bar.inc(1);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    let failed = failed.into_inner();
    writeln!(
        stdout(),
        "{} seeds, {} requests of the processes, {} commits archived, {failed} failed",
        arguments.seeds,
        requests.into_inner(),
        archived.into_inner()
    )?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
