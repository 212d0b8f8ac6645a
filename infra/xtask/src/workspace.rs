//! What Cargo knows of the workspace: the packages that are deployed, and their binaries.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::template::{items, text};

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

fn metadata(root: &Path) -> Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cargo metadata does not start")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
