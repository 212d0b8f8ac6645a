//! Changes of Rust files at places that all aggregates and tables have. Each either finds its place
//! or says what is missing; nothing is written before all have found theirs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A file that is being changed.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    text: String,
}

impl File {
    /// Reads a file that is to be changed.
    pub(super) fn read(path: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path, text })
    }

    /// A file that is to be made, and must not exist.
    pub(super) fn new(path: PathBuf, text: String) -> Result<Self> {
        if path.exists() {
            bail!("{} exists already", path.display());
        }
        Ok(Self { path, text })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// Writes it.
    pub(super) fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.text).with_context(|| self.path.display().to_string())
    }

    /// Inserts lines before the line that closes the block which begins with `opening`. They are
    /// indented by four more than that line.
    pub(super) fn insert_at_end_of(&mut self, opening: &str, lines: &str) -> Result<()> {
        let start = self.find(opening)?;
        let line_start = self.text[..start].rfind('\n').map_or(0, |end| end + 1);
        let indent: String = self.text[line_start..].chars().take_while(|c| *c == ' ').collect();
        let closing = format!("\n{indent}}}");
        let end = self.text[start..].find(&closing).map(|end| start + end + 1);
        let end = end.with_context(|| self.missing(&format!("the end of `{opening}`")))?;
        let indented: String =
            lines
                .lines()
                .map(|line| {
                    if line.is_empty() { "\n".to_owned() } else { format!("{indent}    {line}\n") }
                })
                .collect();
        self.text.insert_str(end, &indented);
        Ok(())
    }

    /// Inserts text before another, or at the file's end if that is not there.
    pub(super) fn insert_before(&mut self, place: &str, text: &str) {
        let at = self.text.find(place).unwrap_or(self.text.len());
        self.text.insert_str(at, text);
    }

    /// Inserts text right behind another.
    pub(super) fn insert_after(&mut self, place: &str, text: &str) -> Result<()> {
        let at = self.find(place)? + place.len();
        self.text.insert_str(at, text);
        Ok(())
    }

    /// Adds a name to the list in braces of a `use` that begins so.
    pub(super) fn import(&mut self, beginning: &str, name: &str) -> Result<()> {
        self.insert_after(&format!("{beginning}{{"), &format!("{name}, "))
    }

    /// Raises the file's `const REVISION`.
    pub(super) fn raise_revision(&mut self) -> Result<()> {
        const REVISION: &str = "const REVISION: u32 = ";
        let start = self.find(REVISION)? + REVISION.len();
        let end = self.text[start..].find(';').map(|end| start + end);
        let end = end.with_context(|| self.missing("the end of REVISION"))?;
        let revision: u32 = self.text[start..end].parse().context("REVISION is no number")?;
        self.text.replace_range(start..end, &(revision + 1).to_string());
        Ok(())
    }

    fn find(&self, place: &str) -> Result<usize> {
        self.text.find(place).with_context(|| self.missing(&format!("`{place}`")))
    }

    fn missing(&self, what: &str) -> String {
        format!("{} lacks {what}: nothing was changed", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File { path: PathBuf::from("f.rs"), text: text.to_owned() }
    }

    #[test]
    fn lines_go_to_the_end_of_a_block() {
        let mut file = file(
            "enum E {\n    A {\n    },\n}\n\nimpl E {\n    match e {\n        A => 1,\n    }\n}\n",
        );
        file.insert_at_end_of("enum E {", "/// B.\nB,").unwrap();
        file.insert_at_end_of("match e {", "B => 2,").unwrap();
        assert_eq!(
            file.text,
            "enum E {\n    A {\n    },\n    /// B.\n    B,\n}\n\n\
             impl E {\n    match e {\n        A => 1,\n        B => 2,\n    }\n}\n"
        );
        let error = file.insert_at_end_of("enum F {", "").unwrap_err().to_string();
        assert_eq!(error, "f.rs lacks `enum F {`: nothing was changed");
    }

    #[test]
    fn a_revision_is_raised_by_one() {
        let mut file = file("const REVISION: u32 = 9;\n");
        file.raise_revision().unwrap();
        assert_eq!(file.text, "const REVISION: u32 = 10;\n");
    }
}
