//! DuckDB, which is a Python package, on files of this machine.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::venv::{installed, succeed};

/// Reads a query, and writes each row as an array of texts, a line each.
const PROGRAM: &str = "
import duckdb, json, sys
for row in duckdb.sql(sys.stdin.read()).fetchall():
    print(json.dumps([str(cell) for cell in row]))
";

/// Answers the query on standard input, about files below the present folder.
///
/// # Errors
/// DuckDB's are in its own output. Installing fails without Python or network.
pub(crate) fn run(root: &Path) -> Result<()> {
    let bin = installed(root, "duckdb", &["duckdb==1.4.5"])?;
    succeed(Command::new(bin.join("python")).args(["-c", PROGRAM]))
}
