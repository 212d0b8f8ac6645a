//! `cargo xtask build-lambda`: the functions as `sam deploy` wants them. Which packages are
//! deployed is said here and nowhere else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::venv::{installed, succeed};
use crate::workspace::deployed_packages;

/// `cargo lambda` and the C compiler that it brings. Pinned together: with another Zig, AWS-LC does
/// not build.
const TOOLS: [&str; 2] = ["cargo-lambda==1.9.2", "ziglang==0.15.2"];

/// Builds every deployed package, or those that are named, into `target/lambda` of the workspace at
/// `root`.
///
/// # Errors
/// The tools can't be installed, or a package doesn't build.
pub(crate) fn run(root: &Path, only: &[String]) -> Result<()> {
    let bin = installed(root, "lambda-tools", &TOOLS)?;
    let mut packages = deployed_packages(root)?;
    if !only.is_empty() {
        let unknown = only.iter().find(|name| !packages.contains(*name));
        anyhow::ensure!(
            unknown.is_none(),
            "{} is not deployed: packages are {}",
            unknown.map_or("", String::as_str),
            joined(&packages)
        );
        packages.retain(|package| only.contains(package));
    }
    // `cargo lambda` finds Zig by asking the Python of the environment.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path)))
            .context("PATH")?;
    succeed(
        Command::new(bin.join("cargo-lambda"))
            .args(arguments(root, &packages))
            .current_dir(root)
            .env("PATH", path),
    )
}

fn arguments(root: &Path, packages: &BTreeSet<String>) -> Vec<String> {
    // Where `CodeUri` looks, whatever CARGO_TARGET_DIR says.
    let folder: PathBuf = root.join("target/lambda");
    let build = [
        "lambda",
        "build",
        "--profile",
        "deploy",
        "--arm64",
        "--locked",
        "--lambda-dir",
        &folder.to_string_lossy(),
    ]
    .map(str::to_owned);
    build
        .into_iter()
        .chain(packages.iter().flat_map(|package| ["--package".to_owned(), package.clone()]))
        .collect()
}

fn joined(packages: &BTreeSet<String>) -> String {
    packages.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That their binaries are the functions of the template is checked with the template.
    #[test]
    fn what_is_built_is_what_is_deployed() {
        let root = crate::workspace_root().expect("a workspace");
        let packages = deployed_packages(&root).expect("cargo metadata");
        let expected = [
            "identity-functions",
            "invoicing-functions",
            "licensing-functions",
            "platform-functions",
        ];
        assert_eq!(packages.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        let arguments = arguments(&root, &packages);
        assert!(
            !arguments.iter().any(|argument| argument == "--workspace" || argument == "--exclude"),
            "{arguments:?}"
        );
        assert!(
            arguments.contains(&root.join("target/lambda").display().to_string()),
            "{arguments:?}"
        );
    }

    #[test]
    fn the_page_that_tells_how_to_deploy_names_the_tools_that_are_checked() {
        let root = crate::workspace_root().expect("a workspace");
        let page = "docs/how-to/deploy.md";
        let text = std::fs::read_to_string(root.join(page)).expect("the page");
        let installed: Vec<&str> =
            text.lines().filter(|line| line.starts_with("pip install ")).collect();
        assert_eq!(installed, [format!("pip install {}", crate::linters::SAM)], "{page}");
        assert!(text.contains("\ncargo xtask build-lambda\n"), "{page}");
        assert!(
            !text.contains("cargo lambda build"),
            "{page}: `cargo xtask build-lambda` knows what is deployed"
        );
    }
}
