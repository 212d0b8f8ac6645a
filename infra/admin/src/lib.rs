//! `headwater`: shows an operator streams, states, rows and requests, and repairs what got stuck,
//! on one machine and on AWS alike. `docs/reference/cli.md` says how to use it.
//!
//! `connection` finds the tables, `output` formats answers; every other module is one command.

mod amend;
mod archive;
mod connection;
mod dump;
mod dumped;
mod failure;
mod failures;
mod forget;
mod listed;
mod new;
mod output;
mod parked;
mod progress;
mod rebuild;
mod relay;
mod restore;
mod scope;
mod sorted;
mod state;
mod storage;
mod streams;
mod trace;
mod verify;
mod views;
mod waiting;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use headwater::Domains;
use headwater_lambda::{Service, domains};

use crate::connection::{Connection, EVERYWHERE, Target};
use crate::output::Output;

#[derive(Parser)]
#[command(
    name = "headwater", version,
    about = "Shows what is in Headwater's tables, and repairs what got stuck",
    after_help = output::EXIT_CODES
)]
struct Cli {
    #[command(flatten)]
    target: Target,
    /// Print JSON: one document, or one a line for lists.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a project with a service, or add an aggregate or a command to one.
    New(new::New),
    /// Streams and their events.
    #[command(subcommand)]
    Streams(streams::Streams),
    /// The state that the rules saw, now or as it was.
    State(state::State),
    /// Append events that correct a state which no command can reach. What was written stays. Shows
    /// first what changes.
    Amend(amend::Amend),
    /// Forget whom a stream tells of: destroy the key of all that is personal in it. There is no
    /// way back. Answers with a certificate.
    Forget(forget::Forget),
    /// Check that a certificate of `forget` is as it was signed.
    Certificate(forget::Check),
    /// Everything that waits for a person or for a retry: streams, updates of users, mails,
    /// batches. Since when, why, and the way out.
    Waiting(waiting::Waiting),
    /// Parked streams, whose next event cannot be folded, updates of users that could not be
    /// applied, and mails that wait for a person.
    #[command(subcommand)]
    Parked(parked::Parked),
    /// The rows that queries read.
    #[command(subcommand)]
    Views(views::Views),
    /// Batches of records that functions behind streams gave up.
    #[command(subcommand)]
    Failures(failures::Failures),
    /// All commits that one request led to, in order of time, each under its cause. Reads the whole
    /// events table.
    Trace(trace::Trace),
    /// The relay, which takes commits from the events table to the projectors.
    #[command(subcommand)]
    Relay(relay::Relay),
    /// Check events, rows, lists, sums, feeds, unique values and numbers against each other. Reads
    /// all tables.
    Verify(verify::Verify),
    /// Move commits that are older than their aggregate's retention to the archive. Reads the whole
    /// events table.
    Archive(archive::Archive),
    /// Show what histories take in the events table and in the archive, what that costs a month,
    /// and what would move to the archive. Reads the whole events table.
    Storage(storage::Storage),
    /// Write all commits as JSON, one a line: streams in order of name, the commits of each in
    /// order.
    Dump(dump::Dump),
    /// Write a dump's commits in places that are free. Existing commits stay, and mails are not
    /// sent.
    Restore(restore::Restore),
}

impl Command {
    /// How long one call of DynamoDB may take, repetitions included.
    fn patience(&self) -> Duration {
        match self {
            // Many calls: a table that is throttled for a while must not end a command that has run
            // for hours.
            Self::Trace(_)
            | Self::Amend(_)
            | Self::Forget(_)
            | Self::Relay(_)
            | Self::Verify(_)
            | Self::Archive(_)
            | Self::Storage(_)
            | Self::Dump(_)
            | Self::Restore(_) => Duration::from_secs(60),
            Self::Views(views::Views::Rebuild(_) | views::Views::Drop(_)) => {
                Duration::from_secs(60)
            }
            Self::New(_)
            | Self::Streams(_)
            | Self::State(_)
            | Self::Certificate(_)
            | Self::Waiting(_)
            | Self::Parked(_)
            | Self::Views(_)
            | Self::Failures(_) => Duration::from_secs(5),
        }
    }
}

/// The command line for these services: the `main` of `headwater`, and of any other program that is
/// to be the same.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use headwater::Domain;
/// use headwater_lambda::Service;
///
/// static SHOP: Domain = Domain::new("shop", &[], &[]);
///
/// fn main() -> ExitCode {
///     headwater_admin::main(&[Service::new(&SHOP, "shop")])
/// }
/// ```
pub fn main(services: &[Service]) -> ExitCode {
    let domains = domains(services);
    let run = async { run(domains, env::args_os(), &mut io::stdout(), &mut io::stderr()).await };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => ExitCode::from(runtime.block_on(run)),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Carries out a command line, the program's name first, and returns the exit code: 0 done, 1 not
/// found or found by `verify`, 2 failed.
///
/// ```
/// use headwater::Domains;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (mut out, mut err) = (Vec::new(), Vec::new());
/// let line = ["headwater", "--version"].map(Into::into);
/// let code = headwater_admin::run(Domains::new([]), line, &mut out, &mut err).await;
/// assert_eq!(code, 0);
/// assert!(out.starts_with(b"headwater "));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn run(
    domains: Domains,
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Where not even this can be said, the code says it.
            let text = usage.render();
            if usage.use_stderr() {
                write!(err, "{text}").ok()
            } else {
                write!(out, "{text}").ok()
            };
            return u8::try_from(usage.exit_code()).unwrap_or(2);
        }
    };
    let Cli { target, json, command } = cli;
    let mut output = Output::new(json, out, err);
    let connection = Connection::new(domains, target, command.patience());
    // Each on the heap, or all of them together would take up the stack.
    let done = match command {
        Command::New(new) => new.run(&mut output),
        Command::Streams(streams) => Box::pin(streams.run(&connection, &mut output)).await,
        Command::State(state) => Box::pin(state.run(&connection, &mut output)).await,
        Command::Amend(amend) => Box::pin(amend.run(&connection, &mut output)).await,
        Command::Forget(forget) => Box::pin(forget.run(&connection, &mut output)).await,
        Command::Certificate(check) => Box::pin(check.run(&connection, &mut output)).await,
        Command::Waiting(waiting) => Box::pin(waiting.run(&connection, &mut output)).await,
        Command::Parked(parked) => Box::pin(parked.run(&connection, &mut output)).await,
        Command::Views(views) => Box::pin(views.run(&connection, &mut output)).await,
        Command::Failures(failures) => Box::pin(failures.run(&connection, &mut output)).await,
        Command::Trace(trace) => Box::pin(trace.run(&connection, &mut output)).await,
        Command::Relay(relay) => Box::pin(relay.run(&connection, &mut output)).await,
        Command::Verify(verify) => Box::pin(verify.run(&connection, &mut output)).await,
        Command::Archive(archive) => Box::pin(archive.run(&connection, &mut output)).await,
        Command::Storage(storage) => Box::pin(storage.run(&connection, &mut output)).await,
        Command::Dump(dump) => Box::pin(dump.run(&connection, &mut output)).await,
        Command::Restore(restore) => Box::pin(restore.run(&connection, &mut output)).await,
    };
    match done {
        Ok(()) => 0,
        Err(failure) => output.failed(&failure),
    }
}
