//! How answers look. All that a command writes goes through here, so whatever is in the tables, no
//! terminal acts on it: characters that people do not see (controls, changes of direction,
//! zero-width ones) are written as `\u{1b}`, and in JSON as JSON escapes them.

use std::fmt::Write as _;
use std::io::Write;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use headwater::{is_hidden, shown, shown_lines};
use serde::Serialize;

use crate::failure::Failure;

/// What the help says of exit codes.
pub(crate) const EXIT_CODES: &str =
    "Exit codes: 0 done; 1 not found, or `verify` found something; 2 failed.";

/// Where answers go: JSON for programs, or tables and text for people.
pub(crate) struct Output<'a> {
    json: bool,
    out: &'a mut (dyn Write + Send),
    err: &'a mut (dyn Write + Send),
}

impl<'a> Output<'a> {
    pub(crate) fn new(
        json: bool,
        out: &'a mut (dyn Write + Send),
        err: &'a mut (dyn Write + Send),
    ) -> Self {
        Self { json, out, err }
    }

    /// Whether answers are for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A list: a JSON document a line, or a table with these columns; no table at all if there is
    /// nothing in it.
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
            let rows = items.iter().map(|item| row(item).map(|cell| shown(&cell).into_owned()));
            table.load_style(NOTHING).set_header(columns).add_rows(rows);
            table.column_iter_mut().for_each(|column| {
                column.set_padding((0, 2));
            });
            writeln!(self.out, "{}", table.trim_fmt())?;
        }
        Ok(())
    }

    /// Items of a list that goes on: each a line, as JSON or as this text, and seen at once.
    pub(crate) fn lines<T: Serialize>(
        &mut self,
        items: &[T],
        text: impl Fn(&T) -> String,
    ) -> Result<(), Failure> {
        for item in items {
            let line = if self.json { json(item)? } else { shown(&text(item)).into_owned() };
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
        let text = if self.json { json(item)? } else { shown_lines(&text(item)?) };
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Where an answer goes that has a form of its own, for programs and people alike: [`json`] a
    /// line.
    pub(crate) fn raw(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.out
    }

    /// A remark beside the answer, for people; it goes to standard error.
    pub(crate) fn remark(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.err, "{}", shown_lines(text))?)
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
        writeln!(self.err, "error: {}", shown_lines(&text)).ok();
        code
    }
}

/// The name of a command, and of an amendment why.
pub(crate) fn with_reason(command: &str, reason: Option<&str>) -> String {
    reason.map_or_else(|| command.to_owned(), |reason| format!("{command}: {reason}"))
}

/// A JSON document on one line. What JSON would let stand though nobody sees it is escaped; to
/// programs it is the same.
pub(crate) fn json(item: &(impl Serialize + ?Sized)) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(item)?;
    if !text.chars().any(is_hidden) {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a string cannot fail.
            c.encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| write!(escaped, "\\u{unit:04x}").unwrap_or_default());
        } else {
            escaped.push(c);
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What would act on a terminal if it got there: an escape sequence in either spelling, a
    /// change of direction, and what hides.
    const HOSTILE: &str = "a\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200b}\u{e0041}\r\n\u{2028}b";

    fn written(is_json: bool, write: impl Fn(&mut Output<'_>)) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        write(&mut Output::new(is_json, &mut out, &mut err));
        String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap()
    }

    #[test]
    fn no_way_of_writing_lets_through_what_acts_on_a_terminal() {
        let ways: [&dyn Fn(&mut Output<'_>); 5] = [
            &|output| output.list(&[HOSTILE], ["A"], |text| [(*text).to_owned()]).unwrap(),
            &|output| output.lines(&[HOSTILE], |text| (*text).to_owned()).unwrap(),
            &|output| output.one(&HOSTILE, |text| Ok((*text).to_owned())).unwrap(),
            &|output| output.remark(HOSTILE).unwrap(),
            &|output| _ = output.failed(&Failure::NotFound(HOSTILE.to_owned())),
        ];
        for (place, way) in ways.iter().enumerate() {
            for is_json in [false, true] {
                let text = written(is_json, way);
                assert!(text.chars().all(|c| c == '\n' || !is_hidden(c)), "way {place}: {text:?}");
                assert!(
                    text.contains('a') && text.trim_end().trim_end_matches('"').ends_with('b'),
                    "way {place}: {text:?}"
                );
            }
        }
    }

    #[test]
    fn a_line_end_in_a_cell_or_a_line_begins_no_other() {
        let text =
            written(false, |output| output.lines(&["a\nb"], |text| (*text).to_owned()).unwrap());
        assert_eq!(text, "a\\u{a}b\n");
        let text = written(false, |output| {
            output.list(&["a\nb"], ["A"], |text| [(*text).to_owned()]).unwrap()
        });
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn escaped_json_is_the_same_to_programs() {
        let text = json(&json!({ HOSTILE: [HOSTILE] })).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({ HOSTILE: [HOSTILE] }));
        assert_eq!(json("Zoë\u{200b}").unwrap(), "\"Zoë\\u200b\"");
    }
}
