//! The program: the platform, or, when it starts itself with `_HANDLER` set, one of its functions.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use headwater_lambda::{Service, serve};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::host::exit_with_parent;
use crate::platform::{Executable, Platform};

/// The platform with these services: the `main` of `cargo local`, and of any other program that is
/// to be the same. Once it is ready it prints `examples`, with its address for each `{url}`:
/// command lines to paste, which may use the variable `TOKEN`.
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
///     let services = vec![Service::new(&SHOP, "shop")];
///     headwater_local::run(services, "curl -i {url}/shop/tills")
/// }
/// ```
pub fn run(services: Vec<Service>, examples: &str) -> ExitCode {
    let ended = match std::env::var_os("_HANDLER") {
        Some(_) => run_function(services),
        None => run_platform(&Config::parse(), examples),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Serves one function until the platform ends this process, or is gone itself.
fn run_function(services: Vec<Service>) -> Result<()> {
    exit_with_parent();
    // One request at a time needs one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(services)).map_err(|error| anyhow::anyhow!(error))
}

#[tokio::main]
async fn run_platform(config: &Config, examples: &str) -> Result<()> {
    // To dynoxide a refused condition is worth a warning; here it is everyday business.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,dynoxide=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    // From the first moment on, so that an early Ctrl-C ends it cleanly too.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let platform = tokio::select! {
        platform = Platform::start(config, Executable::this()?) => platform?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    announce(&platform.url, examples, platform.outbox.as_deref());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    platform.shutdown();
    Ok(())
}

/// The line that scripts wait for, and examples to paste.
#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn announce(url: &str, examples: &str, outbox: Option<&Path>) {
    let mails = outbox.map_or_else(
        || "the server that SMTP_URL names".to_owned(),
        |outbox| outbox.display().to_string(),
    );
    println!("ready {url}");
    println!(
        r#"
Get a token, and try it (Ctrl-C ends the platform):

  TOKEN=$(curl -s {url}/dev/token \
    -d '{{"tenant":"acme","subject":"me","roles":["reader","writer","operator"]}}' | cut -d'"' -f4)

{}

Mails go to {mails}.
"#,
        examples.replace("{url}", url)
    );
}

#[expect(clippy::print_stderr, reason = "this is the program's output")]
fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
