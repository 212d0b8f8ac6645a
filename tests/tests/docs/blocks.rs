//! Every block of code says what it is in, and is run where it can be: `rust` as a doctest of this
//! package, commands by the scenario `docs`.

use crate::{expect_none, files, read};

/// A fenced block: its line, what follows the fence, and the line before it.
struct Block<'a> {
    number: usize,
    language: &'a str,
    before: &'a str,
    code: Vec<&'a str>,
}

#[test]
fn every_block_says_what_it_is_in() {
    let mut findings = Vec::new();
    for page in files(&["md"]) {
        for block in blocks(&read(&page)).iter().filter(|block| block.language.is_empty()) {
            let page = page.display();
            findings.push(format!("{page}:{}: say `sh`, `text`, `json`…", block.number));
        }
    }
    expect_none(&findings);
}

#[test]
fn every_rust_block_is_compiled_or_says_why_not() {
    let lib = read("tests/src/lib.rs");
    let mut findings = Vec::new();
    for page in files(&["md"]).into_iter().filter(|page| page.starts_with("docs")) {
        let text = read(&page);
        let is_included = lib.contains(&format!("include_str!(\"../../{}\")", page.display()));
        for block in blocks(&text).iter().filter(|block| block.language.starts_with("rust")) {
            let is_ignored = block.language.contains("ignore");
            let says_why = block.code.first().is_some_and(|line| line.starts_with("// Ignored: "));
            if is_ignored && !says_why {
                let page = page.display();
                findings.push(format!("{page}:{}: begin with `// Ignored: why`", block.number));
            }
            if !is_included {
                let page = page.display();
                findings.push(format!("{page}: include it in tests/src/lib.rs as a doctest"));
            }
        }
    }
    expect_none(&findings);
}

#[test]
fn every_block_of_commands_that_is_not_run_says_why() {
    let mut findings = Vec::new();
    for page in files(&["md"]) {
        for block in blocks(&read(&page)) {
            let is_marked = block.before.starts_with("<!-- not run");
            if is_marked && !block.before.starts_with("<!-- not run: ") {
                findings.push(format!("{}:{}: say why", page.display(), block.number));
            }
        }
    }
    expect_none(&findings);
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let (mut is_open, mut before) = (false, "");
    for (number, line) in (1..).zip(text.lines()) {
        match (is_open, line.trim_start().strip_prefix("```")) {
            (false, Some(language)) => {
                found.push(Block { number, language, before, code: Vec::new() });
                is_open = true;
            }
            (true, Some(_)) => is_open = false,
            (true, None) => found.last_mut().unwrap().code.push(line),
            (false, None) => before = line,
        }
    }
    found
}
