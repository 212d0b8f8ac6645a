//! Every relative link and anchor leads somewhere, and the table of contents has every page.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::{expect_none, files, read, root};

#[test]
fn every_link_leads_somewhere() {
    let mut findings = Vec::new();
    for page in files(&["md"]) {
        for (number, link) in links(&read(&page)) {
            if let Err(why) = check(&page, &link) {
                findings.push(format!("{}:{number}: {link}: {why}", page.display()));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn every_page_that_code_names_exists() {
    let mut findings = Vec::new();
    for file in files(&["rs", "yaml", "toml", "sh", "py", "json"]) {
        for (number, line) in (1..).zip(read(&file).lines()) {
            for page in named_pages(line) {
                if !root().join(&page).exists() {
                    findings.push(format!("{}:{number}: {page}: no such page", file.display()));
                }
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn the_table_of_contents_has_every_page() {
    let contents = Path::new("docs/README.md");
    let listed: BTreeSet<PathBuf> = links(&read(contents))
        .into_iter()
        .map(|(_, link)| resolve(contents, link.split('#').next().unwrap_or_default()))
        .collect();
    let findings: Vec<_> = files(&["md"])
        .into_iter()
        .filter(|page| page.starts_with("docs") && page != contents && !listed.contains(page))
        .map(|page| format!("{}: name it in docs/README.md", page.display()))
        .collect();
    expect_none(&findings);
}

#[test]
fn every_page_is_of_one_kind() {
    let kinds = ["tutorial", "how-to", "reference", "explanation"];
    let pages = files(&["md"]).into_iter().filter(|page| page.starts_with("docs"));
    let findings: Vec<_> = pages
        .filter(|page| page != Path::new("docs/README.md"))
        .filter(|page| !kinds.iter().any(|kind| page.starts_with(Path::new("docs").join(kind))))
        .map(|page| format!("{}: put it into one of docs/{kinds:?}", page.display()))
        .collect();
    expect_none(&findings);
}

#[test]
fn a_link_is_found_and_a_broken_one_is_told() {
    let text = "[a](b.md#c) `[no](x)` ![d](e.svg)\n```\n[no](y)\n```\n[f]( https://g ) [h](#i)";
    let found: Vec<_> = links(text).into_iter().map(|(_, link)| link).collect();
    assert_eq!(found, ["b.md#c", "e.svg", "#i"]);
    assert_eq!(anchors("# A `b`-c, d\n## A b\n### A b\n"), ["a-b-c-d", "a-b", "a-b-1"]);
    let page = Path::new("docs/README.md");
    assert!(check(page, "../README.md").is_ok());
    assert!(check(page, "../README.md#no-such-section").is_err());
    assert!(check(page, "no-such-page.md").is_err());
    assert_eq!(named_pages("see `docs/README.md`, https://x.org/docs/b.md"), ["docs/README.md"]);
}

/// The relative links of a page, each with its line's number.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // What stands between backticks is code.
        let shown: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in shown.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default().trim();
            if !link.contains("://") && !link.starts_with("mailto:") {
                found.push((number, link.to_owned()));
            }
        }
    }
    found
}

/// The lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

fn check(page: &Path, link: &str) -> Result<(), String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_path_buf() } else { resolve(page, path) };
    if !root().join(&target).exists() {
        return Err(format!("{}: no such file", target.display()));
    }
    let is_page = target.extension().is_some_and(|extension| extension == "md");
    if anchor.is_empty() || !is_page || anchors(&read(&target)).contains(&anchor.to_owned()) {
        return Ok(());
    }
    Err(format!("{} has no such heading", target.display()))
}

/// The path that `link` names on `page`, relative to the repository.
fn resolve(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().unwrap().to_path_buf();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let anchor: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let is_repetition = |other: &&String| {
            **other == anchor
                || other.strip_prefix(&anchor).and_then(|rest| rest.strip_prefix('-')).is_some_and(
                    |rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()),
                )
        };
        match found.iter().filter(is_repetition).count() {
            0 => found.push(anchor),
            n => found.push(format!("{anchor}-{n}")),
        }
    }
    found
}

/// The pages below `docs` that a line of code names, but not those of an address.
fn named_pages(line: &str) -> Vec<String> {
    line.match_indices("docs/")
        .filter(|(at, _)| {
            let before = &line[..*at];
            before.ends_with("../")
                || !before.ends_with(|c: char| c.is_alphanumeric() || "/.-_".contains(c))
        })
        .map(|(at, _)| {
            let is_part = |c: char| c.is_alphanumeric() || "/.-_".contains(c);
            line[at..].split(|c| !is_part(c)).next().unwrap_or_default().to_owned()
        })
        .filter(|page| page.ends_with(".md") || page.ends_with(".svg"))
        .collect()
}
