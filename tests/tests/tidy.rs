//! The repository's own rules. Each message says what is wrong, and what to do instead.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The domain and its tools: no AWS, no HTTP, no clock, no randomness.
const PURE: [&str; 5] =
    ["headwater-core", "headwater-testkit", "identity", "invoicing", "licensing"];

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
/// In characters; `rustfmt.toml` holds code to the same.
const LONGEST_LINE: usize = 100;
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
                .filter(|name| name != "headwater-core")
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
        .filter(|package| !["headwater-tests", "headwater-testing"].contains(&&*package.name))
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
fn lines_are_short() {
    let files = all_files(root());
    assert!(files.iter().any(|file| file.ends_with(".ci/run")), "{}: no such file", ".ci/run");
    let findings = files.iter().flat_map(|file| {
        long_lines(&extension(file), &read(file)).into_iter().map(|(number, columns)| {
            format!(
                "{}:{number}: {columns} columns, {LONGEST_LINE} at most: break it where a reader \
                 would breathe",
                shown(file)
            )
        })
    });
    expect_none(findings);
}

#[test]
fn a_long_line_is_found_unless_it_cannot_be_broken() {
    let (words, word) = ("é ".repeat(51), "x".repeat(101));
    let table = format!("| {words}|");
    for (extension, text, expected) in [
        ("rs", words.clone(), vec![1]),
        ("rs", format!("fn a() {{}}\n// {words}"), vec![2]),
        ("rs", "é ".repeat(50), vec![]),
        ("rs", format!("    \"{word}\","), vec![]),
        ("rs", format!("/// {table}"), vec![]),
        ("rs", format!("let table = {table};"), vec![1]),
        ("rs", format!("```\n{words}"), vec![2]),
        ("md", format!("{table}\n```sh\n{words}\n```\n{words}"), vec![5]),
        ("md", format!("- see [this](https://example.com/{word}) and that"), vec![]),
        ("toml", words.clone(), vec![1]),
        ("sh", words, vec![1]),
    ] {
        let found: Vec<_> = long_lines(extension, &text).into_iter().map(|(n, _)| n).collect();
        assert_eq!(found, expected, "{extension}: {text}");
    }
}

#[test]
fn packages_share_their_lints_and_versions() {
    // An example is what a project outside the repository would be.
    let ours = packages().into_iter().filter(|p| !p.folder.starts_with(root().join("examples")));
    let findings = ours.flat_map(|package| {
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

/// All files under `folder` of which lines are held to a length, without what is built, found or
/// made there.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let is_hidden = name.starts_with('.') && ![".ci", ".cargo"].contains(&name.as_str());
            // What Cargo builds into says so itself, wherever it is.
            let is_made = path.join("CACHEDIR.TAG").exists()
                || ["target", "corpus", "artifacts"].contains(&name.as_str());
            if !is_hidden && !is_made {
                files.extend(all_files(&path));
            }
        } else if ["rs", "md", "toml", "sh"].contains(&extension(&path).as_str()) {
            files.push(path);
        }
    }
    files
}

/// What a file's name ends in; `sh` for a shell script without an ending.
fn extension(file: &Path) -> String {
    match file.extension() {
        Some(extension) => extension.to_string_lossy().into_owned(),
        None => {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let first = text.lines().next().unwrap_or_default();
            if first.starts_with("#!") && first.ends_with("sh") { "sh" } else { "" }.to_owned()
        }
    }
}

/// The numbers and lengths of lines that are too long. Tables, what Markdown shows as code, and
/// what has no place to be broken at may be longer: a line of one word, or with an address.
fn long_lines(extension: &str, text: &str) -> Vec<(usize, usize)> {
    let mut is_code = false;
    let mut long = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        let is_fence = extension == "md" && trimmed.starts_with("```");
        is_code ^= is_fence;
        let is_table = match extension {
            "md" => trimmed.starts_with('|'),
            "rs" => trimmed.starts_with("/// |") || trimmed.starts_with("//! |"),
            _ => false,
        };
        let is_one_word = !trimmed.contains(char::is_whitespace);
        let columns = line.chars().count();
        let is_free = is_code || is_fence || is_table || is_one_word || line.contains("://");
        if columns > LONGEST_LINE && !is_free {
            long.push((number, columns));
        }
    }
    long
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
