//! The commands that the pages show, run as they are written: each `curl` has the status that its
//! comment says (`# 412: …`), else one of success; each `headwater` ends with 0; and the `text`
//! block after a block shows lines of its output.

use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use headwater_tests::Platform;
use serde_json::json;
use tokio::process::Command;

use crate::support::own_platform;

/// A program that is the operators' command line where it is told so.
const CLI: &str = env!("CARGO_BIN_EXE_rebuild");

/// Before the commands of a page. What `curl` and `headwater` ended with is told on standard error.
const PRELUDE: &str = r#"
curl() {
    command curl --noproxy '*' --show-error --max-time 60 -w '%{stderr}ended %{http_code}\n' "$@"
}
headwater() {
    HEADWATER_TESTS_CLI=1 "$CLI" --local="$PLATFORM" "$@"
    echo "ended $?" >&2
}
"#;

/// Commands that a page shows.
#[derive(Debug, Default, PartialEq)]
struct Block {
    /// The number of its first line.
    number: usize,
    commands: String,
    /// Lines that its output has, in this order.
    shown: Vec<String>,
}

#[tokio::test]
async fn the_pages_commands_do_what_they_say() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec!["README.md".to_owned()];
    for folder in ["docs/how-to", "docs/reference", "docs/explanation"] {
        let mut names: Vec<_> = std::fs::read_dir(root.join(folder))?
            .map(|entry| Ok(format!("{folder}/{}", entry?.file_name().to_string_lossy())))
            .collect::<Result<_>>()?;
        names.sort();
        pages.extend(names.into_iter().filter(|name| name.ends_with(".md")));
    }
    let platform = own_platform()?;
    let mut blocks = 0;
    for page in &pages {
        let found = blocks_of(&std::fs::read_to_string(root.join(page))?);
        if found.is_empty() {
            continue;
        }
        blocks += found.len();
        run(&platform, &found).await.with_context(|| page.clone())?;
        for service in ["dynamodb", "kinesis"] {
            platform.fault(json!({ "service": service, "fault": "none" })).await?;
        }
        platform.settled().await?;
    }
    ensure!(blocks > 12, "only {blocks} blocks were run");
    Ok(())
}

#[test]
fn commands_are_found_unless_they_say_why_they_are_not_run() {
    let page = "```sh\ncargo test\n```\n\n```sh\nA=1\ncurl x # 404: no\n```\n\n```text\nHTTP\n```\n\
                <!-- not run: why -->\n```sh\nheadwater y\n```\n";
    let block = Block {
        number: 5,
        commands: "A=1\ncurl x # 404: no\n".to_owned(),
        shown: vec!["HTTP".into()],
    };
    assert_eq!(blocks_of(page), [block]);
    assert_eq!(
        expected("curl a # 412: so\nT=$(curl b \\\n  c)\nheadwater d\necho\n"),
        ["412", "2", "0"]
    );
}

/// Runs all blocks of a page in one shell.
async fn run(platform: &Platform, blocks: &[Block]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next = "\necho next; echo next >&2\n";
    let script: String = blocks.iter().map(|block| format!("{}{next}", block.commands)).collect();
    let address = platform.url().trim_start_matches("http://");
    let script = script
        .replace("localhost:3000", address)
        .replace("/tmp/", &format!("{}/", folder.path().display()));
    let Output { stdout, stderr, .. } = Command::new("bash")
        .args(["-c", &format!("{PRELUDE}{script}")])
        .env("CLI", CLI)
        .env("PLATFORM", platform.url())
        .current_dir(folder.path())
        .output()
        .await
        .context("bash")?;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    let parts = stdout.split("next\n").zip(stderr.split("next\n"));
    for (block, (out, err)) in blocks.iter().zip(parts) {
        let said = || format!("line {}:\n{}{out}{err}", block.number, block.commands);
        let ended: Vec<_> = err.lines().filter_map(|line| line.strip_prefix("ended ")).collect();
        let wanted = expected(&block.commands);
        let fits = wanted.iter().zip(&ended).all(|(wanted, ended)| ended.starts_with(wanted));
        ensure!(fits && wanted.len() == ended.len(), "{wanted:?} wanted: {}", said());
        let mut lines = out.lines();
        for shown in &block.shown {
            ensure!(lines.any(|line| line.contains(shown)), "no `{shown}`: {}", said());
        }
    }
    Ok(())
}

/// How each `curl` and `headwater` of a block ends: a status or its first digit, or an exit code.
fn expected(commands: &str) -> Vec<String> {
    let commands = commands.replace("\\\n", " ");
    let ends = commands.lines().filter_map(|line| {
        let status = line.rsplit_once("# ").map(|(_, comment)| comment.get(..3).unwrap_or(""));
        let status = status.filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()));
        if is_call(line, "curl") {
            Some(status.unwrap_or("2").to_owned())
        } else {
            is_call(line, "headwater").then(|| "0".to_owned())
        }
    });
    ends.collect()
}

fn is_call(line: &str, program: &str) -> bool {
    line.starts_with(&format!("{program} ")) || line.contains(&format!("$({program} "))
}

/// The blocks with a `curl` or a `headwater` that a page does not mark as not to be run.
fn blocks_of(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = (1..).zip(page.lines());
    let mut before = "";
    let mut is_followed = false;
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if !line.is_empty() {
                (before, is_followed) = (line, false);
            }
            continue;
        };
        let code: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .collect();
        let is_run = language == "sh"
            && !before.starts_with("<!-- not run: ")
            && code.iter().any(|line| is_call(line, "curl") || is_call(line, "headwater"));
        if is_run {
            let commands = code.iter().map(|line| format!("{line}\n")).collect();
            blocks.push(Block { number, commands, shown: Vec::new() });
        } else if language == "text" && is_followed {
            let shown = code.iter().map(|line| (*line).to_owned());
            blocks.last_mut().into_iter().for_each(|block| block.shown.extend(shown.clone()));
        }
        (before, is_followed) = ("", is_run);
    }
    blocks
}
