//! Runs the two linters of templates, which are Python programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::venv::{installed, succeed};

/// The version of `sam` that the template is checked with, and that deploys it.
pub(crate) const SAM: &str = "aws-sam-cli==1.170.0";

const REQUIREMENTS: [&str; 2] = ["cfn-lint==1.58.0", SAM];

/// Runs `cfn-lint` and `sam validate --lint` on `template.yaml` in `root`, and installs them first
/// if they are not there.
///
/// # Errors
/// A linter's findings are in its own output; the error names the linter. Installing fails without
/// Python or network.
pub(crate) fn run(root: &Path) -> Result<()> {
    let bin = tools(root)?;
    succeed(command(&bin, "cfn-lint", root).arg("template.yaml"))?;
    succeed(command(&bin, "sam", root).args(["validate", "--lint", "--template", "template.yaml"]))
}

/// The folder of `cfn-lint` and `sam`, which are installed first if they are not there.
///
/// # Errors
/// Without Python or network.
pub(crate) fn tools(root: &Path) -> Result<PathBuf> {
    installed(root, "template-linters", &REQUIREMENTS)
}

/// `program` of the virtual environment. No account is needed, only the name of a region.
fn command(bin: &Path, program: &str, root: &Path) -> Command {
    let mut command = Command::new(bin.join(program));
    command.current_dir(root).env("AWS_DEFAULT_REGION", "us-east-1").env("SAM_CLI_TELEMETRY", "0");
    command
}
