//! Runs the two linters of templates. They are Python programs, so they get a virtual environment under `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Pinned, so that a new rule of a linter turns nothing red by itself.
const REQUIREMENTS: [&str; 2] = ["cfn-lint==1.58.0", "aws-sam-cli==1.170.0"];

/// Runs `cfn-lint` and `sam validate --lint` on `template.yaml` in `root`, and installs them first if they are not there.
///
/// # Errors
/// What a linter has found stands in its own output; the error names the linter. Installing fails without Python or network.
pub(crate) fn run(root: &Path) -> Result<()> {
    let bin = installed(root)?;
    succeed(command(&bin, "cfn-lint", root).arg("template.yaml"))?;
    succeed(command(&bin, "sam", root).args(["validate", "--lint", "--template", "template.yaml"]))
}

/// The folder of the linters' executables.
fn installed(root: &Path) -> Result<PathBuf> {
    let venv = root.join("target/template-linters");
    // Written last, so an installation that was broken off is done again; a raised version as well.
    let marker = venv.join("installed");
    let wanted = REQUIREMENTS.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(venv.join("bin"));
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&venv)).context("the template linters need python3 with its venv module")?;
    succeed(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(REQUIREMENTS))
        .context("the template linters are installed from PyPI once; without a network, run this where they are installed")?;
    std::fs::write(&marker, wanted)?;
    Ok(venv.join("bin"))
}

/// `program` of the virtual environment. No account is needed, only the name of a region.
fn command(bin: &Path, program: &str, root: &Path) -> Command {
    let mut command = Command::new(bin.join(program));
    command.current_dir(root).env("AWS_DEFAULT_REGION", "us-east-1").env("SAM_CLI_TELEMETRY", "0");
    command
}

fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} does not start"))?;
    if !status.success() {
        bail!("{program}: {status}");
    }
    Ok(())
}
