//! How large the programs are that are deployed: as the profile of the root `Cargo.toml` says, and
//! packed as Lambda wants them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The program that does nothing, of this workspace.
pub const EMPTY: &str = "empty-function";

/// The executables that are weighed: one for all functions of a service, called as its package is.
const WEIGHED: [&str; 4] =
    ["identity-functions", "licensing-functions", "invoicing-functions", "platform-functions"];

/// As which they are built, in both workspaces.
const PROFILE: &str = "deploy";

/// Where what is.
pub struct Folders {
    root: PathBuf,
    target: PathBuf,
}

/// How large a program is, in bytes.
pub struct Size {
    /// Its name.
    pub program: &'static str,
    /// As it is.
    pub plain: u64,
    /// Gzipped.
    pub gzipped: u64,
}

impl Folders {
    /// The repository, and the folder that this very program was built into.
    ///
    /// # Errors
    /// If this program lies elsewhere.
    pub fn find() -> Result<Self> {
        let program = std::env::current_exe()?;
        let target = program
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").exists())
            .context("no target folder")?
            .to_path_buf();
        Ok(Self { root: Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), target })
    }

    /// The repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where Cargo builds.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A binary as it is deployed.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.target.join(PROFILE).join(name)
    }

    /// Builds all that is started or weighed, unless it is there and of today's code.
    ///
    /// # Errors
    /// If it does not compile.
    pub fn build(&self) -> Result<()> {
        let functions =
            WEIGHED.iter().flat_map(|executable| ["-p", executable, "--bin", executable]);
        self.cargo("Cargo.toml", functions.collect())?;
        self.cargo("tests/bench/Cargo.toml", vec!["-p", EMPTY])
    }

    fn cargo(&self, manifest: &str, what: Vec<&str>) -> Result<()> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(["build", "--quiet", "--profile", PROFILE, "--manifest-path"])
            .arg(self.root.join(manifest));
        let status = command
            .arg("--target-dir")
            .arg(&self.target)
            .args(what)
            .current_dir(&self.root)
            .status()?;
        ensure!(status.success(), "cargo build: {status}");
        Ok(())
    }
}

/// Weighs the functions and the empty program.
///
/// # Errors
/// If one of them is not built.
pub fn measure(folders: &Folders) -> Result<Vec<Size>> {
    [EMPTY]
        .into_iter()
        .chain(WEIGHED)
        .map(|program| weigh(program, &folders.binary(program)))
        .collect()
}

fn weigh(program: &'static str, binary: &Path) -> Result<Size> {
    let bytes = std::fs::read(binary).with_context(|| binary.display().to_string())?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&bytes)?;
    Ok(Size { program, plain: bytes.len() as u64, gzipped: packed.finish()?.len() as u64 })
}
