//! Sentences are short: a reader takes one thought at a time.

use crate::{expect_none, files, read};

/// The most words of a sentence, or of what ends at a colon or semicolon. Plain-language guides ask
/// for 20 to 25.
const MOST_WORDS: usize = 25;

#[test]
fn sentences_are_short() {
    let mut findings = Vec::new();
    for file in files(&["md", "rs"]) {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        for (line, sentence, words) in long_sentences(&read(&file), is_rust) {
            let file = file.display();
            findings
                .push(format!("{file}:{line}: {words} words, {MOST_WORDS} at most: {sentence}"));
        }
    }
    expect_none(&findings);
}

#[test]
fn a_long_sentence_is_found_across_lines() {
    let words = |count| "word ".repeat(count).trim_end().to_owned();
    for (text, is_rust, expected) in [
        (format!("{}\n{}.", words(20), words(6)), false, vec![1]),
        (format!("{}. Then\n{}.", words(20), words(6)), false, vec![]),
        (format!("# A\n\n- {}\n  {}", words(20), words(6)), false, vec![3]),
        (format!("- {}\n- {}", words(20), words(6)), false, vec![]),
        (format!("```sh\n{}\n```\n| {} |", words(26), words(26)), false, vec![]),
        (format!("{} [{}](a.md)", words(20), words(6)), false, vec![1]),
        (format!("fn a() {{}}\n    /// {}\n    /// {}", words(20), words(6)), true, vec![2]),
        (format!("let a = \"{}\";", words(26)), true, vec![]),
    ] {
        let found: Vec<_> = long_sentences(&text, is_rust).into_iter().map(|(n, ..)| n).collect();
        assert_eq!(found, expected, "{text}");
    }
}

/// The sentences with too many words, each with the line where its paragraph begins, and how many.
fn long_sentences(text: &str, is_rust: bool) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (line, paragraph) in paragraphs(text, is_rust) {
        let paragraph = without_addresses(&paragraph);
        let mut sentence: Vec<&str> = Vec::new();
        for word in paragraph.split_whitespace() {
            if word.contains(char::is_alphanumeric) {
                sentence.push(word);
            }
            if word.ends_with(['.', ';', ':', '?', '!']) {
                found.extend(too_long(line, &sentence));
                sentence.clear();
            }
        }
        found.extend(too_long(line, &sentence));
    }
    found
}

fn too_long(line: usize, sentence: &[&str]) -> Option<(usize, String, usize)> {
    let words = sentence.len();
    (words > MOST_WORDS).then(|| (line, sentence.join(" "), words))
}

/// The paragraphs and items of lists of a page, or of the comments of a Rust file, with the number
/// of their first line. What stands in blocks of code, tables and headings is none.
fn paragraphs(text: &str, is_rust: bool) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let (mut is_code, mut is_open) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let prose = if is_rust { comment(line) } else { Some(line) };
        let is_fence = prose.is_some_and(|prose| prose.starts_with("```"));
        is_code ^= is_fence;
        let prose = prose.filter(|prose| !is_fence && !is_code && !prose.is_empty());
        let Some(prose) = prose.filter(|prose| !prose.starts_with(['|', '#', '<'])) else {
            is_open = false;
            continue;
        };
        match (item(prose), paragraphs.last_mut()) {
            (None, Some((_, paragraph))) if is_open => *paragraph += &format!(" {prose}"),
            (item, _) => paragraphs.push((number, item.unwrap_or(prose).to_owned())),
        }
        is_open = true;
    }
    paragraphs
}

/// What a line of Rust says as a comment.
fn comment(line: &str) -> Option<&str> {
    let comment = line.strip_prefix("//")?;
    Some(comment.strip_prefix(['/', '!']).unwrap_or(comment).trim())
}

/// What an item of a list says.
fn item(line: &str) -> Option<&str> {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = numbered.strip_prefix(". ").filter(|_| numbered.len() < line.len());
    line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).or(numbered)
}

/// `[text](address)` as `text`.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or(part, |(_, rest)| rest))
}
