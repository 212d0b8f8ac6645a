//! Python programs, each set in a virtual environment of its own, in the folder that Cargo builds
//! into.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::target_folder;

/// The folder of the executables of the environment `name`, which has exactly these requirements:
/// pinned, so that a new release breaks nothing. They are installed if they are not there.
///
/// # Errors
/// Without Python, or without network where something is to be installed.
pub(crate) fn installed(root: &Path, name: &str, requirements: &[&str]) -> Result<PathBuf> {
    let venv = target_folder(root)?.join(name);
    // Written last, so an installation that was broken off is done again; a raised version as well.
    let marker = venv.join("installed");
    let wanted = requirements.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(venv.join("bin"));
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&venv))
        .with_context(|| format!("{name} need python3 with its venv module"))?;
    succeed(
        Command::new(venv.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(requirements),
    )
    .with_context(|| {
        format!(
            "{name} are installed from PyPI once; without a network, run this where they are \
             installed"
        )
    })?;
    std::fs::write(&marker, wanted)?;
    Ok(venv.join("bin"))
}

/// Runs a program to its end.
///
/// # Errors
/// If it does not start, or does not succeed.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} does not start"))?;
    if !status.success() {
        bail!("{program}: {status}");
    }
    Ok(())
}
