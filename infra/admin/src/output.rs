use std::io::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

use crate::failure::Failure;

/// What the help says of exit codes.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 done; 1 what was asked for is not there; 2 it could not be done.";

/// Where answers go: JSON for programs, or tables and text for people.
pub(crate) struct Output<'a> {
    json: bool,
    out: &'a mut (dyn Write + Send),
    err: &'a mut (dyn Write + Send),
}

impl<'a> Output<'a> {
    pub(crate) fn new(json: bool, out: &'a mut (dyn Write + Send), err: &'a mut (dyn Write + Send)) -> Self {
        Self { json, out, err }
    }

    /// A list: a JSON document a line, or a table with these columns; no table at all if there is nothing in it.
    pub(crate) fn list<T: Serialize, const N: usize>(
        &mut self,
        items: &[T],
        columns: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), Failure> {
        if self.json {
            return self.lines(items, |_| String::new());
        }
        if !items.is_empty() {
            let mut table = Table::new();
            table.load_style(NOTHING).set_header(columns).add_rows(items.iter().map(row));
            table.column_iter_mut().for_each(|column| {
                column.set_padding((0, 2));
            });
            writeln!(self.out, "{}", table.trim_fmt())?;
        }
        Ok(())
    }

    /// Items of a list that goes on: each a line, as JSON or as this text, and seen at once.
    pub(crate) fn lines<T: Serialize>(&mut self, items: &[T], text: impl Fn(&T) -> String) -> Result<(), Failure> {
        for item in items {
            let line = if self.json { serde_json::to_string(item)? } else { text(item) };
            writeln!(self.out, "{line}")?;
        }
        Ok(self.out.flush()?)
    }

    /// One thing: a JSON document, or this text.
    pub(crate) fn one<T: Serialize>(
        &mut self,
        item: &T,
        text: impl FnOnce(&T) -> Result<String, serde_json::Error>,
    ) -> Result<(), Failure> {
        let text = if self.json { serde_json::to_string(item)? } else { text(item)? };
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Where an answer goes that has a form of its own, for programs and people alike.
    pub(crate) fn raw(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out
    }

    /// A remark beside the answer, for people; it goes to standard error.
    pub(crate) fn remark(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.err, "{text}")?)
    }

    /// Says why a command failed, and gives the exit code.
    pub(crate) fn failed(&mut self, failure: &Failure) -> u8 {
        let (text, code) = match failure {
            Failure::NotFound(what) => (what.clone(), 1),
            Failure::Trouble(error) => (format!("{error:#}"), 2),
            Failure::Told(code) => return *code,
            Failure::Closed => return 0,
        };
        // Where not even this can be said, the code says it.
        writeln!(self.err, "error: {text}").ok();
        code
    }
}
