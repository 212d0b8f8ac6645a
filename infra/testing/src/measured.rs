//! Tables of documents that are measured.

use anyhow::{Context, Result};

/// A table, and where it stands.
///
/// ```
/// use headwater_testing::measured::Table;
///
/// let rows = [vec!["`GET /`".to_owned(), "1".to_owned()]];
/// let table = Table::new("calls", &["call", "$"], rows.into_iter());
/// let document = table.put_into_or_after("# Costs\n")?;
/// assert_eq!(
///     document,
///     "# Costs\n\n<!-- measured: calls -->\n| call | $ |\n|---|---:|\n| `GET /` | 1 |\n\n"
/// );
/// assert_eq!(table.put_into(&document)?, document);
/// assert!(table.put_into("# Costs\n").is_err());
/// # Ok::<(), anyhow::Error>(())
/// ```
pub struct Table {
    /// The line before it: `<!-- measured: commands of identity -->`.
    marker: String,
    lines: Vec<String>,
}

impl Table {
    /// A table of `what`. Columns whose names begin with `$` are numbers, and stand to the right.
    pub fn new(what: &str, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Self {
        let align = |name: &&str| if name.starts_with('$') { "---:" } else { "---" };
        let rule: Vec<&str> = header.iter().map(align).collect();
        let line = |cells: &[&str]| format!("| {} |", cells.join(" | "));
        let mut lines = vec![line(header), format!("|{}|", rule.join("|"))];
        lines.extend(rows.map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>())));
        Self { marker: format!("<!-- measured: {what} -->"), lines }
    }

    /// The document with this table in the place of the one that follows the marker, up to the next
    /// empty line.
    ///
    /// # Errors
    /// If the document lacks the marker.
    pub fn put_into(&self, document: &str) -> Result<String> {
        let (before, after) = document
            .split_once(&self.marker)
            .with_context(|| format!("the document lacks {}", self.marker))?;
        let rest = after.split_once("\n\n").map_or("", |(_, rest)| rest);
        Ok(format!("{before}{}\n{}\n\n{rest}", self.marker, self.lines.join("\n")))
    }
    /// As [`Table::put_into`], or at the document's end if it lacks the marker.
    ///
    /// # Errors
    /// As [`Table::put_into`].
    pub fn put_into_or_after(&self, document: &str) -> Result<String> {
        if document.contains(&self.marker) {
            self.put_into(document)
        } else {
            self.put_into(&format!("{}\n\n{}\n\n", document.trim_end(), self.marker))
        }
    }
}
