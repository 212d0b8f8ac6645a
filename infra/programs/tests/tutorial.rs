//! The tutorial, step by step as it is written: a project is made, built, run, killed, changed and
//! tested.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long what a projector has to bring may take to be seen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the tutorial's commands mean here. `cargo local` runs in the background until it is killed.
const PRELUDE: &str = r#"
set -eu
. "$STATE"
headwater() { "$CLI" "$@"; }
curl() { command curl --noproxy '*' --show-error --max-time 60 "$@"; echo; }
kill() {
    command kill "$@"
    while command kill -0 "${!#}" 2> /dev/null; do sleep 0.05; done
}
cargo() {
    [ -f Cargo.toml ] && [ ! -f Cargo.lock ] && cp "$ROOT/Cargo.lock" .
    case "$1" in
        install) ;;
        local)
            command cargo build --quiet --example local
            : > local.log
            command cargo local --port "$PORT" >> local.log 2>&1 < /dev/null &
            for _ in $(seq 600); do grep -q ^ready local.log && return; sleep 0.1; done
            cat local.log
            return 1 ;;
        *) command cargo "$@" ;;
    esac
}
"#;

/// After each block: where the next one goes on.
const POSTLUDE: &str = r#"
{ echo "cd '$PWD'"; declare -p TOKEN 2> /dev/null || true; } > "$STATE"
"#;

#[derive(Debug)]
struct Block<'a> {
    line: usize,
    language: &'a str,
    text: String,
}

/// A folder of its own, and the platform that a step has started there.
struct Desk {
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Ok(id) = fs::read_to_string(self.folder.path().join("shop/.headwater/lock")) {
            Command::new("kill").args(["-9", id.trim()]).status().ok();
        }
    }
}

#[test]
#[ignore = "long: builds a project of its own"]
fn every_step_does_what_it_says() {
    let page = fs::read_to_string(root().join("docs/tutorial/README.md")).unwrap();
    let blocks = blocks(&page);
    assert!(blocks.len() > 15, "{blocks:#?}");
    let desk = Desk::new();
    let (mut output, mut made) = (String::new(), BTreeMap::new());
    for (place, block) in blocks.iter().enumerate() {
        let shown = blocks.get(place + 1).filter(|next| next.language == "text");
        match block.language {
            "sh" => output = desk.run(block, shown),
            "diff" => desk.apply(block),
            _ => assert_shown(&output, block),
        }
        if place == 0 {
            made = desk.files_in_git();
        }
    }
    let changed = desk.files_in_git();
    let changed = changed.into_iter().filter(|(path, text)| made.get(path) != Some(text));
    let changed: Vec<String> =
        changed.map(|(path, _)| path).filter(|path| !path.starts_with("tests/golden/")).collect();
    // By hand: the type with its rule and tests, and the event in the row. By the command line: a
    // line of the table, a row of what calls cost. Generated: template, costs, golden files.
    assert_eq!(
        changed,
        [
            "costs.md",
            "src/lib.rs",
            "src/order.rs",
            "src/order_row.rs",
            "template.yaml",
            "tests/costs.rs"
        ]
    );
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root(), folder.path().join("headwater")).unwrap();
        let state = format!("cd '{}'\n", folder.path().display());
        fs::write(folder.path().join("state"), state).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self { folder, port: free.local_addr().unwrap().port() }
    }

    /// Runs a block. What only reads is repeated until it shows what it should.
    fn run(&self, block: &Block<'_>, shown: Option<&Block<'_>>) -> String {
        let reads = block.text.lines().all(|line| {
            line.starts_with("curl") && !line.contains(" -d ") && !line.contains("POST")
        });
        let start = Instant::now();
        loop {
            let output = self.run_once(block);
            let is_shown = shown.is_none_or(|shown| missing(&output, shown).is_none());
            if is_shown || !reads || start.elapsed() > PATIENCE {
                return output;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn run_once(&self, block: &Block<'_>) -> String {
        let commands = block
            .text
            .replace("localhost:3000", &format!("127.0.0.1:{}", self.port))
            .replace("--local ", &format!("--local=http://127.0.0.1:{} ", self.port));
        let ran = Command::new("bash")
            .args(["-c", &format!("{PRELUDE}{commands}{POSTLUDE}")])
            .env("STATE", self.folder.path().join("state"))
            .env("ROOT", root())
            .env("CLI", env!("CARGO_BIN_EXE_headwater"))
            .env("PORT", self.port.to_string())
            .env("CARGO_TARGET_DIR", root().join("target/tutorial"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&ran.stdout).into_owned();
        let error = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "line {}: {}\n{output}\n{error}", block.line, block.text);
        output
    }

    /// The project's files that a commit would have, but for the versions of what it depends on.
    fn files_in_git(&self) -> BTreeMap<String, String> {
        let folder = self.folder.path().join("shop");
        let git = |line: &str| {
            let git = Command::new("git").args(line.split(' ')).current_dir(&folder).output();
            String::from_utf8(git.unwrap().stdout).unwrap()
        };
        git("init --quiet");
        let listed = git("ls-files --others --exclude-standard");
        let paths = listed.lines().filter(|path| !["Cargo.lock", "local.log"].contains(path));
        let text = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
        paths.map(|path| (path.to_owned(), text(path))).collect()
    }

    /// Applies a block of differences. Each hunk's old lines are in the file once.
    fn apply(&self, block: &Block<'_>) {
        let (head, hunks) = block.text.split_once("@@\n").unwrap();
        let file = head.lines().find_map(|line| line.strip_prefix("+++ b/")).unwrap();
        let path = self.folder.path().join("shop").join(file);
        let mut text = fs::read_to_string(&path).unwrap();
        for hunk in hunks.split("@@\n") {
            let side = |other: char| -> String {
                let lines = hunk.lines().filter(|line| !line.starts_with(other));
                lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
            };
            let (old, new) = (side('+'), side('-'));
            let found = text.matches(&old).count();
            assert_eq!(found, 1, "line {}: {found} places for\n{old}in\n{text}", block.line);
            text = text.replace(&old, &new);
        }
        fs::write(&path, text).unwrap();
    }
}

fn assert_shown(output: &str, block: &Block<'_>) {
    let missing = missing(output, block);
    assert_eq!(missing, None, "line {}: not in\n{output}", block.line);
}

/// The first line of a block that an output does not have, behind those before it.
fn missing<'a>(output: &str, block: &'a Block<'_>) -> Option<&'a str> {
    let mut rest = output;
    block.text.lines().find(|line| match rest.find(line) {
        Some(place) => {
            rest = &rest[place + line.len()..];
            false
        }
        None => true,
    })
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for (line, text) in (1..).zip(page.lines()) {
        match text.strip_prefix("```") {
            Some(language) if !is_open => {
                blocks.push(Block { line, language, text: String::new() });
                is_open = true;
            }
            Some(_) => is_open = false,
            None if is_open => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(text);
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
