//! `cargo xtask`: chores of the repository that are more than one command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

mod api;
mod build_lambda;
mod checks;
mod duckdb;
mod linters;
mod rehearse;
mod template;
mod venv;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of the repository")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Write `template.yaml` from its base and the services.
    Template,
    /// Check `template.yaml`: our own rules, then `cfn-lint` and `sam validate --lint` (installed
    /// where Cargo builds, if missing).
    CheckTemplate,
    /// Build the functions for Lambda into `target/lambda`, where `sam deploy` takes them from
    /// (installs `cargo lambda` and Zig where Cargo builds, if missing).
    BuildLambda {
        /// Only these packages: relay
        #[arg(long = "package", short, value_name = "PACKAGE")]
        packages: Vec<String>,
    },
    /// Deploy `template.yaml` to an independent emulator of AWS and call all services there
    /// (installs MiniStack under `target/` if missing).
    Rehearse,
    /// Answer the query on standard input with DuckDB, a row a line (installs it where Cargo
    /// builds, if missing).
    Duckdb,
    /// Send calls that `/openapi.json` allows and forbids to a platform, and hold the answers
    /// against it (installs Schemathesis where Cargo builds, if missing).
    CheckApi {
        /// How many calls are made up for each operation, besides those that cover its schemas.
        #[arg(long, default_value_t = 5)]
        examples: u32,
        /// How long that may take, in seconds.
        #[arg(long, default_value_t = 120)]
        seconds: u32,
        /// The same seed makes up the same calls.
        #[arg(long, default_value_t = 1)]
        seed: u32,
    },
}

fn main() -> Result<()> {
    match Cli::parse().chore {
        Chore::Template => write_template(&workspace_root()?),
        Chore::CheckTemplate => check_template(&workspace_root()?),
        Chore::BuildLambda { packages } => build_lambda::run(&workspace_root()?, &packages),
        Chore::Rehearse => rehearse::run(&workspace_root()?),
        Chore::Duckdb => duckdb::run(&workspace_root()?),
        Chore::CheckApi { examples, seconds, seed } => {
            api::run(&workspace_root()?, examples, seconds, seed)
        }
    }
}

fn write_template(root: &Path) -> Result<()> {
    let path = root.join("template.yaml");
    std::fs::write(&path, our_template()?).with_context(|| path.display().to_string())
}

/// What `template.yaml` begins with.
const HEADER: &str = "Written by `cargo xtask template`, from infra/template/base.yaml, \
                      infra/services.yaml and the\nservices. Change those, not this file.";

/// The template as the base and the services have it.
fn our_template() -> Result<String> {
    let own = include_str!("../../services.yaml");
    Ok(headwater_template::render(&platform_functions::services(), own, HEADER)?)
}

fn check_template(root: &Path) -> Result<()> {
    let template = template::Template::read(&root.join("template.yaml"))?;
    let findings = checks::run_all(&template, root)?;
    if !findings.is_empty() {
        bail!("template.yaml:\n  {}", findings.join("\n  "));
    }
    linters::run(root)
}

/// The folder that holds `template.yaml`: two above this package.
fn workspace_root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .context("infra/xtask lies two folders below the workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_what_base_and_services_make_of_it() {
        let path = workspace_root().expect("a workspace").join("template.yaml");
        let checked = headwater_template::check(&path, &our_template().expect("a template"));
        assert_eq!(checked, Ok(()), "run `cargo xtask template`");
    }
}
