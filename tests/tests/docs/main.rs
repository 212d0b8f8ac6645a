//! What the pages say is so: their links lead somewhere, and their lists are those of the code.
#![allow(clippy::unwrap_used, missing_docs)]

mod blocks;
mod examples;
mod generated;
mod links;
mod lists;
mod sentences;

use std::path::{Path, PathBuf};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of the file at `path`, which is relative to the repository.
fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of the repository with one of these extensions, without what is built. Paths are
/// relative to the repository.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(root(), extensions, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let is_hidden =
                name.starts_with('.') && ![".ci", ".cargo", ".github"].contains(&&*name);
            // Cargo marks the folders that it builds into.
            let is_built = path.join("CACHEDIR.TAG").exists()
                || ["target", "corpus", "artifacts"].contains(&&*name);
            if !is_hidden && !is_built {
                collect(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
            found.push(path.strip_prefix(root()).unwrap().to_path_buf());
        }
    }
}

#[track_caller]
fn expect_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
