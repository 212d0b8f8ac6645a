//! The repository's own rules. Each message says what is wrong, and what to do instead.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The domain and its tools: no AWS, no HTTP, no clock, no randomness.
const PURE: [&str; 5] = ["headwater", "headwater-testkit", "identity", "invoicing", "licensing"];

/// Crates that a pure package may not name: what they begin with is enough.
const IMPURE_CRATES: [&str; 13] = [
    "aws",
    "axum",
    "fastrand",
    "futures",
    "getrandom",
    "headwater-",
    "http",
    "hyper",
    "lambda",
    "rand",
    "reqwest",
    "serde_dynamo",
    "tokio",
];

/// What reads a clock or rolls dice.
const IMPURE_CALLS: [&str; 7] = [
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "now_v7",
    "new_v4",
    "RandomState",
];

/// Each store's client has one package that names it; the tests may speak to the stores themselves.
const CLIENTS: [(&str, &str); 2] =
    [("aws-sdk-dynamodb", "headwater-dynamodb"), ("aws-sdk-kinesis", "headwater-kinesis")];

const LONGEST_FILE: usize = 500;
const LONGEST_MAIN: usize = 15;

#[test]
fn the_domain_names_no_impure_crate() {
    let findings = packages()
        .into_iter()
        .filter(|package| PURE.contains(&package.name.as_str()))
        .flat_map(|package| {
            let named: Vec<String> = package
                .dependencies
                .iter()
                .filter(|dependency| !dependency.dev)
                .map(|d| d.name.clone())
                .collect();
            named
                .into_iter()
                .filter(|name| IMPURE_CRATES.iter().any(|impure| name.starts_with(impure)))
                .map(move |name| {
                    format!(
                        "{} depends on {name}: it is pure; put what needs {name} into \
                         shared/dynamodb, kinesis or lambda",
                        package.name
                    )
                })
        });
    expect_none(findings);
}

#[test]
fn the_domain_reads_no_clock_and_rolls_no_dice() {
    let findings = packages()
        .into_iter()
        .filter(|package| PURE.contains(&package.name.as_str()))
        .flat_map(|package| rust_files(&package.folder))
        .flat_map(|file| {
            code_lines(&file)
                .into_iter()
                .filter_map(|(number, line)| {
                    IMPURE_CALLS
                        .iter()
                        .find(|call| line.contains(**call))
                        .map(|call| (number, *call))
                })
                .map(|(number, call)| {
                    format!(
                        "{}:{number}: {call}: time and ids arrive in the command context",
                        shown(&file)
                    )
                })
                .collect::<Vec<_>>()
        });
    expect_none(findings);
}

#[test]
fn each_store_has_one_package_that_names_its_client() {
    let findings = packages()
        .into_iter()
        .filter(|package| package.name != "headwater-tests")
        .flat_map(|package| {
            CLIENTS
                .iter()
                .filter(|(client, owner)| {
                    package.name != *owner
                        && package.dependencies.iter().any(|d| !d.dev && d.name == *client)
                })
                .map(|(client, owner)| {
                    format!(
                        "{} depends on {client}: call {owner}, and add there what is missing",
                        package.name
                    )
                })
                .collect::<Vec<_>>()
        });
    expect_none(findings);
}

#[test]
fn a_function_binary_only_names_its_handler() {
    let findings = function_binaries().into_iter().flat_map(|binary| {
        let lines = read(&binary.source).lines().count();
        let too_long = (lines > LONGEST_MAIN).then(|| {
            format!(
                "{}: {lines} lines, {LONGEST_MAIN} are enough to name a service; move the rest \
                 into it",
                shown(&binary.source)
            )
        });
        let tested = binary.tested.then(|| {
            format!(
                "[[bin]] {}: add `test = false`: it holds no tests, and linking one more \
                 executable takes seconds",
                binary.name
            )
        });
        [too_long, tested].into_iter().flatten()
    });
    expect_none(findings);
}

#[test]
fn files_are_short() {
    let findings =
        packages().into_iter().flat_map(|package| rust_files(&package.folder)).filter_map(|file| {
            let lines = read(&file).lines().count();
            (lines > LONGEST_FILE).then(|| {
                format!(
                    "{}: {lines} lines, {LONGEST_FILE} at most: split it, each file about one \
                     thing",
                    shown(&file)
                )
            })
        });
    expect_none(findings);
}

#[test]
fn packages_share_their_lints_and_versions() {
    let findings = packages().into_iter().flat_map(|package| {
        let manifest = read(&package.folder.join("Cargo.toml"));
        let lints = (!manifest.contains("[lints]\nworkspace = true")).then(|| {
            format!(
                "{}: add `[lints] workspace = true`: the lints stand in the root Cargo.toml",
                package.name
            )
        });
        let versions = dependency_lines(&manifest)
            .filter(|line| !line.contains("workspace = true"))
            .map(|line| {
                format!(
                    "{}: `{line}`: write the version into the root Cargo.toml, and `.workspace = \
                     true` here",
                    package.name
                )
            })
            .collect::<Vec<_>>();
        versions.into_iter().chain(lints)
    });
    expect_none(findings);
}

#[track_caller]
fn expect_none(findings: impl Iterator<Item = String>) {
    let findings: Vec<String> = findings.collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// A package of the workspace.
struct Package {
    name: String,
    folder: PathBuf,
    dependencies: Vec<Dependency>,
    binaries: Vec<Binary>,
}

struct Dependency {
    name: String,
    /// Only for tests.
    dev: bool,
}

struct Binary {
    name: String,
    source: PathBuf,
    /// Whether `cargo test` builds it.
    tested: bool,
}

/// All packages of the workspace, as Cargo sees them.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("the metadata is JSON");
    let packages: Vec<Package> = list(&metadata["packages"]).map(package).collect();
    for pure in PURE {
        assert!(
            packages.iter().any(|package| package.name == pure),
            "{pure} was renamed: name it in this test as it is now"
        );
    }
    packages
}

fn package(json: &Value) -> Package {
    let manifest = PathBuf::from(text(&json["manifest_path"]));
    Package {
        name: text(&json["name"]),
        folder: manifest.parent().expect("a manifest lies in a folder").to_path_buf(),
        dependencies: list(&json["dependencies"])
            .map(|d| Dependency { name: text(&d["name"]), dev: d["kind"] == "dev" })
            .collect(),
        binaries: list(&json["targets"])
            .filter(|target| list(&target["kind"]).any(|kind| kind == "bin"))
            .map(|target| Binary {
                name: text(&target["name"]),
                source: PathBuf::from(text(&target["src_path"])),
                tested: target["test"] == true,
            })
            .collect(),
    }
}

fn function_binaries() -> Vec<Binary> {
    let functions = root().join("functions");
    packages()
        .into_iter()
        .filter(|package| package.folder.starts_with(&functions))
        .flat_map(|package| package.binaries)
        .collect()
}

/// The lines of a manifest that name dependencies, of any kind.
fn dependency_lines(manifest: &str) -> impl Iterator<Item = &str> {
    let mut in_dependencies = false;
    manifest.lines().filter(move |line| {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
            return false;
        }
        in_dependencies && line.contains('=') && !line.starts_with('#')
    })
}

/// All Rust files under `folder`.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// A file's lines that are no comments, with their numbers.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let numbered = read(file)
        .lines()
        .map(str::to_owned)
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .collect::<Vec<_>>();
    numbered.into_iter().filter(|(_, line)| !line.trim_start().starts_with("//")).collect()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
