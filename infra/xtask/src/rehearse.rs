//! Deploys the template to MiniStack, an emulator of AWS that others wrote, and calls all services
//! there: a second opinion on what the platform of this repository says.
//! `docs/explanation/rehearsal.md` tells what it shows, and what the emulator lacks.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::linters;
use crate::venv::{installed, succeed};
use crate::workspace::{deployed_packages, target_folder};

const REQUIREMENTS: [&str; 1] = ["ministack[full]==1.5.33"];

/// Builds the executables of the services for this machine, deploys, and calls.
///
/// # Errors
/// Deviations are in the output; logs are in the folder `rehearsal` of Cargo's target folder.
/// Installing fails without Python or network.
pub(crate) fn run(root: &Path) -> Result<()> {
    let python = installed(root, "emulator", &REQUIREMENTS)?.join("python");
    let sam = linters::tools(root)?.join("sam");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let packages = deployed_packages(root)?;
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    succeed(Command::new(cargo).current_dir(root).args(["build", "--quiet"]).args(packages))?;
    let target = target_folder(root)?;
    let folder = target.join("rehearsal");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    succeed(
        Command::new(python)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(root.join("infra/xtask/rehearsal/rehearse.py"))
            .args([root.join("template.yaml"), target.join("debug"), sam, folder]),
    )
}
