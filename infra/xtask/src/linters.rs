//! Runs the two linters of templates, which are Python programs.

use std::path::Path;
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
/// What a linter has found stands in its own output; the error names the linter. Installing fails
/// without Python or network.
pub(crate) fn run(root: &Path) -> Result<()> {
    let bin = installed(root, "template-linters", &REQUIREMENTS)?;
    succeed(command(&bin, "cfn-lint", root).arg("template.yaml"))?;
    succeed(command(&bin, "sam", root).args(["validate", "--lint", "--template", "template.yaml"]))
}

/// `program` of the virtual environment. No account is needed, only the name of a region.
fn command(bin: &Path, program: &str, root: &Path) -> Command {
    let mut command = Command::new(bin.join(program));
    command.current_dir(root).env("AWS_DEFAULT_REGION", "us-east-1").env("SAM_CLI_TELEMETRY", "0");
    command
}
