//! On what, and of what, it was measured.

use std::thread::available_parallelism;

use anyhow::{Context, Result};

const LOCK: &str = include_str!("../../Cargo.lock");

/// The crates whose versions matter.
const CRATES: [&str; 6] = [
    "cqrs-es",
    "dynamo-es",
    "event-store-adapter-rs",
    "aws-sdk-dynamodb",
    "lambda_runtime",
    "dynoxide-rs",
];

/// The machine's class, in general terms.
pub(super) fn class() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    format!("{cores} cores, {}, {}", std::env::consts::ARCH, std::env::consts::OS)
}

/// The versions of what is measured and of what all use.
pub(super) fn versions() -> Result<Vec<(&'static str, &'static str)>> {
    CRATES
        .map(|name| {
            Ok((name, version(name).with_context(|| format!("{name} is not in Cargo.lock"))?))
        })
        .into_iter()
        .collect()
}

fn version(name: &str) -> Option<&'static str> {
    let (_, package) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    package.split('"').next()
}
