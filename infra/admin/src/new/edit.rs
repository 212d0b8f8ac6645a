//! Changes of Rust files at places that all aggregates and tables have. Each either finds its place
//! or says what is missing; nothing is written before all have found theirs.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A file that may be changed.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    text: String,
    is_changed: bool,
}

impl File {
    /// Reads a file that is there.
    pub(super) fn read(path: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path, text, is_changed: false })
    }

    /// A file that is to be made, and must not exist.
    pub(super) fn new(path: PathBuf, text: String) -> Result<Self> {
        if path.exists() {
            bail!("{} exists already: nothing was changed", path.display());
        }
        Ok(Self { path, text, is_changed: true })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// Writes it as rustfmt has it. Without rustfmt the lines are as long as they are.
    pub(super) fn write(&self) -> Result<()> {
        let text = formatted(&self.text).unwrap_or_else(|| self.text.clone());
        fs::write(&self.path, text).with_context(|| self.path.display().to_string())
    }

    /// The block that begins with a text: from there to the start of the line that closes it.
    pub(super) fn block(&self, opening: &str) -> Result<Range<usize>> {
        self.block_at(self.find(opening)?)
    }

    /// The block that begins at a place: to the start of the line that closes it.
    pub(super) fn block_at(&self, start: usize) -> Result<Range<usize>> {
        let closing = format!("\n{}}}", self.indent_at(start));
        let end = self.text[start..].find(&closing).map(|end| start + end + 1);
        let opening = self.text[start..].lines().next().unwrap_or_default();
        Ok(start..end.with_context(|| self.missing(&format!("the end of `{opening}`")))?)
    }

    /// Inserts lines at the end of a block, indented by four more than it.
    pub(super) fn insert_at_end_of(&mut self, block: &Range<usize>, lines: &str) {
        let indent = format!("{}    ", self.indent_at(block.start));
        self.insert_lines(block.end, &indent, lines);
    }

    /// Inserts lines, each with this indent, at the start of a line.
    pub(super) fn insert_lines(&mut self, at: usize, indent: &str, lines: &str) {
        let with_indent = |line: &str| match line {
            "" => "\n".to_owned(),
            line => format!("{indent}{line}\n"),
        };
        let indented: String = lines.lines().map(with_indent).collect();
        self.insert(at, &indented);
    }

    /// Inserts text before another.
    pub(super) fn insert_before(&mut self, place: &str, text: &str) -> Result<()> {
        let at = self.find(place)?;
        self.insert(at, text);
        Ok(())
    }

    /// Inserts text right behind another.
    pub(super) fn insert_after(&mut self, place: &str, text: &str) -> Result<()> {
        let at = self.find(place)? + place.len();
        self.insert(at, text);
        Ok(())
    }

    /// Inserts text right behind the next occurrence of another after a place.
    pub(super) fn insert_after_next(&mut self, sign: &str, place: usize, text: &str) -> Result<()> {
        let at = self.text[place..].find(sign).map(|at| place + at + sign.len());
        let at = at.with_context(|| self.missing(&format!("`{sign}`")))?;
        self.insert(at, text);
        Ok(())
    }

    /// Inserts text at the file's end.
    pub(super) fn append(&mut self, text: &str) {
        self.insert(self.text.len(), text);
    }

    /// Imports a name, unless a `use` has it already.
    pub(super) fn import(&mut self, module: &str, name: &str) -> Result<()> {
        if self.imports(name) {
            return Ok(());
        }
        let list = format!("use {module}::{{");
        if self.contains(&list) {
            return self.insert_after(&list, &format!("{name}, "));
        }
        let root = module.split("::").next().unwrap_or(module);
        let at = self.line_with(&format!("use {root}::")).or_else(|| self.line_with("use "));
        let at = at.with_context(|| self.missing("any `use`"))?;
        // A list even of one, so that a second name finds it; rustfmt takes needless braces off.
        self.insert(at, &format!("use {module}::{{{name}}};\n"));
        Ok(())
    }

    /// Raises the `const REVISION` that stands last before a place.
    pub(super) fn raise_revision_before(&mut self, place: usize) -> Result<()> {
        const REVISION: &str = "const REVISION: u32 = ";
        let start = self.text[..place].rfind(REVISION);
        let start = start.with_context(|| self.missing(&format!("`{REVISION}`")))?;
        self.raise(start + REVISION.len(), ';')
    }

    /// Raises the number that begins at a place and ends before a letter.
    pub(super) fn raise(&mut self, start: usize, end: char) -> Result<()> {
        let end = self.text[start..].find(end).map(|end| start + end);
        let range = start..end.with_context(|| self.missing("the end of a number"))?;
        let number: u32 = self.text[range.clone()].trim().parse().with_context(|| {
            self.missing(&format!("a number where it has `{}`", &self.text[range.clone()]))
        })?;
        self.text.replace_range(range, &(number + 1).to_string());
        self.is_changed = true;
        Ok(())
    }

    pub(super) fn find(&self, place: &str) -> Result<usize> {
        self.text.find(place).with_context(|| self.missing(&format!("`{}`", place.trim())))
    }

    pub(super) fn missing(&self, what: &str) -> String {
        format!("{} lacks {what}: nothing was changed", self.path.display())
    }

    fn insert(&mut self, at: usize, text: &str) {
        self.text.insert_str(at, text);
        self.is_changed = true;
    }

    fn imports(&self, name: &str) -> bool {
        let mut is_use = false;
        self.text.lines().any(|line| {
            is_use |= line.starts_with("use ");
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let found = is_use && words.any(|word| word == name);
            is_use &= !line.ends_with(';');
            found
        })
    }

    /// The start of the first line that begins so.
    fn line_with(&self, beginning: &str) -> Option<usize> {
        if self.text.starts_with(beginning) {
            return Some(0);
        }
        Some(self.text.find(&format!("\n{beginning}"))? + 1)
    }

    fn indent_at(&self, place: usize) -> String {
        let line = self.text[..place].rfind('\n').map_or(0, |end| end + 1);
        self.text[line..].chars().take_while(|c| *c == ' ').collect()
    }
}

/// By way of standard input, as rustfmt would write a file's modules anew, too.
fn formatted(text: &str) -> Option<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    rustfmt.stdin.take()?.write_all(text.as_bytes()).ok()?;
    let output = rustfmt.wait_with_output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File { path: PathBuf::from("f.rs"), text: text.to_owned(), is_changed: false }
    }

    #[test]
    fn lines_go_to_the_end_of_a_block() {
        let mut file = file(
            "enum E {\n    A {\n    },\n}\n\nimpl E {\n    match e {\n        A => 1,\n    }\n}\n",
        );
        let block = file.block("enum E {").unwrap();
        file.insert_at_end_of(&block, "/// B.\nB,");
        let block = file.block("match e {").unwrap();
        file.insert_at_end_of(&block, "B => 2,");
        assert_eq!(
            file.text,
            "enum E {\n    A {\n    },\n    /// B.\n    B,\n}\n\n\
             impl E {\n    match e {\n        A => 1,\n        B => 2,\n    }\n}\n"
        );
        let error = file.block("enum F {").unwrap_err().to_string();
        assert_eq!(error, "f.rs lacks `enum F {`: nothing was changed");
    }

    #[test]
    fn a_revision_is_raised_by_one() {
        let mut file = file("const REVISION: u32 = 9;\nfn evolve\nconst REVISION: u32 = 1;\n");
        let place = file.find("fn evolve").unwrap();
        file.raise_revision_before(place).unwrap();
        assert_eq!(file.text, "const REVISION: u32 = 10;\nfn evolve\nconst REVISION: u32 = 1;\n");
        assert!(file.raise_revision_before(0).is_err());
    }

    #[test]
    fn a_name_is_imported_once() {
        let mut file = file("//! F.\n\nuse a::B;\nuse crate::c::{\n    D, E,\n};\n");
        for (module, name) in
            [("a", "B"), ("crate::c", "E"), ("crate::c", "F"), ("crate::g", "G"), ("h", "H")]
        {
            file.import(module, name).unwrap();
        }
        assert_eq!(
            file.text,
            "//! F.\n\nuse h::{H};\nuse a::B;\nuse crate::g::{G};\n\
             use crate::c::{F, \n    D, E,\n};\n"
        );
        file.text = "use a::B;\n".to_owned();
        file.import("a", "B").unwrap();
        file.import("c", "D").unwrap();
        assert_eq!(file.text, "use c::{D};\nuse a::B;\n");
    }
}
