//! What Cargo knows of the workspace: the packages that are deployed, and their binaries.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::template::{items, text};

/// Where Cargo builds: `target` in `root`, unless `CARGO_TARGET_DIR` or a configuration of Cargo
/// says otherwise.
///
/// # Errors
/// `cargo metadata` fails.
pub(crate) fn target_folder(root: &Path) -> Result<PathBuf> {
    Ok(target_in(&metadata(root)?))
}

/// The names of the packages that are deployed: those under `functions/` that have an executable.
///
/// # Errors
/// `cargo metadata` fails.
pub(crate) fn deployed_packages(root: &Path) -> Result<BTreeSet<String>> {
    let metadata = metadata(root)?;
    Ok(deployed(&metadata, root).map(|package| text(&package["name"]).to_owned()).collect())
}

/// The names of all binaries of the packages that are deployed.
///
/// # Errors
/// `cargo metadata` fails.
pub(crate) fn deployed_binaries(root: &Path) -> Result<BTreeSet<String>> {
    let metadata = metadata(root)?;
    let targets = deployed(&metadata, root).flat_map(|package| items(&package["targets"]));
    let binaries = targets.filter(|target| items(&target["kind"]).any(|kind| kind == "bin"));
    Ok(binaries.map(|target| text(&target["name"]).to_owned()).collect())
}

fn deployed<'a>(metadata: &'a Value, root: &Path) -> impl Iterator<Item = &'a Value> {
    let functions = root.join("functions");
    items(&metadata["packages"])
        .filter(move |package| Path::new(text(&package["manifest_path"])).starts_with(&functions))
        .filter(|package| {
            items(&package["targets"])
                .any(|target| items(&target["kind"]).any(|kind| kind == "bin"))
        })
}

fn target_in(metadata: &Value) -> PathBuf {
    PathBuf::from(text(&metadata["target_directory"]))
}

fn metadata(root: &Path) -> Result<Value> {
    told_by(&mut cargo_metadata(root))
}

fn cargo_metadata(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root);
    command
}

fn told_by(cargo: &mut Command) -> Result<Value> {
    let output = cargo.output().context("cargo metadata does not start")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_builds_is_looked_for_where_cargo_was_told_to_build() {
        let root = crate::workspace_root().expect("a workspace");
        let this = std::env::current_exe().expect("a test has an executable");
        let folder = target_folder(&root).expect("cargo metadata");
        assert!(this.starts_with(&folder), "{} is not in {}", this.display(), folder.display());
        let elsewhere = told_by(cargo_metadata(&root).env("CARGO_TARGET_DIR", "/elsewhere"));
        assert_eq!(target_in(&elsewhere.expect("cargo metadata")), Path::new("/elsewhere"));
    }
}
