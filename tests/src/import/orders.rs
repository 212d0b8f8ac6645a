//! The orders that a file tells of, and what is wrong with it: each row is checked by the code by
//! which the service checks it.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use csv::{ByteRecord, ReaderBuilder, StringRecord, Trim};

use super::Fault;
use super::order::{Order, Row};

/// The columns that a file must have, in any order; `customerId` may be there as well.
const COLUMNS: [&str; 8] = [
    "orderId",
    "customerName",
    "customerEmail",
    "currency",
    "description",
    "quantity",
    "unitPrice",
    "taxRate",
];

/// What a file holds.
pub(super) struct Orders {
    /// Those all of whose rows are valid, in the order of their first rows.
    pub(super) valid: Vec<Order>,
    /// How many others there are.
    pub(super) refused: usize,
    /// What is wrong with those.
    pub(super) faults: Vec<Fault>,
}

/// An order that is being read.
#[derive(Default)]
struct Draft {
    rows: Vec<(u64, Row)>,
    faults: Vec<Fault>,
}

/// Reads a file to its end, whatever is wrong with its rows. Those of an order need not stand
/// together.
pub(super) fn read(file: &[u8]) -> Result<Orders> {
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(file);
    let headers = reader.headers().context("the file has no header")?.clone();
    let is_otherwise_separated =
        headers.len() == 1 && headers.iter().any(|header| header.contains([';', '\t']));
    ensure!(!is_otherwise_separated, "the columns of the file are to be separated by commas");
    for column in COLUMNS {
        ensure!(headers.iter().any(|header| header == column), "the file has no column {column}");
    }
    let (mut drafts, mut places) = (Vec::<Draft>::new(), HashMap::<String, usize>::new());
    let (mut record, mut lines) = (ByteRecord::new(), Lines { file, counted: 0, line: 1 });
    while reader.read_byte_record(&mut record)? {
        let line = lines.of(&record);
        // Spreadsheets write rows that nobody filled in as separators alone.
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        let id = order_id(&headers, &record);
        // Rows that do not say whose they are have nothing to do with each other.
        let place = if id.is_empty() {
            drafts.len()
        } else {
            *places.entry(id.clone()).or_insert(drafts.len())
        };
        if place == drafts.len() {
            drafts.push(Draft::default());
        }
        match row(&headers, &record) {
            Ok(row) => drafts[place].take(line, row),
            Err(reason) => drafts[place].faults.push(Fault { line, order: id, reason }),
        }
    }
    let mut orders = Orders { valid: Vec::new(), refused: 0, faults: Vec::new() };
    for draft in drafts {
        match draft.finish() {
            Ok(order) => orders.valid.push(order),
            Err(faults) => {
                orders.refused += 1;
                orders.faults.extend(faults);
            }
        }
    }
    Ok(orders)
}

/// Counts lines as an editor does: `\r\n`, `\n` and `\r` each end one, in quotes too. The reader's
/// own count of a record is where it began to look for one, before blank lines.
struct Lines<'a> {
    file: &'a [u8],
    /// So many bytes are counted.
    counted: usize,
    /// The line that the next byte is on, from 1.
    line: u64,
}

impl Lines<'_> {
    /// The line on which a record begins; records are asked for in their order.
    fn of(&mut self, record: &ByteRecord) -> u64 {
        let looked_from = record.position().map_or(0, |position| position.byte() as usize);
        let blank = self.file[looked_from..]
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let passed = self.counted..looked_from + blank;
        let is_end = |place: &usize| match self.file[*place] {
            b'\r' => true,
            b'\n' => place.checked_sub(1).is_none_or(|before| self.file[before] != b'\r'),
            _ => false,
        };
        self.line += passed.clone().filter(is_end).count() as u64;
        self.counted = passed.end.max(self.counted);
        self.line
    }
}

/// Whose row it is, as far as that can be told of a broken one.
fn order_id(headers: &StringRecord, record: &ByteRecord) -> String {
    let column = headers.iter().position(|header| header == "orderId").unwrap_or_default();
    String::from_utf8_lossy(record.get(column).unwrap_or_default()).into_owned()
}

fn row(headers: &StringRecord, record: &ByteRecord) -> Result<Row, String> {
    if record.len() != headers.len() {
        let hint = if record.len() > headers.len() {
            ": a field with a comma stands in quotes"
        } else {
            ""
        };
        return Err(format!("has {} fields, not {}{hint}", record.len(), headers.len()));
    }
    let record =
        StringRecord::from_byte_record(record.clone()).map_err(|_| "is not in UTF-8".to_owned())?;
    record.deserialize(Some(headers)).map_err(|error| error.to_string())
}

impl Draft {
    fn take(&mut self, line: u64, row: Row) {
        let alone = Order::new(&[(line, &row)]);
        let invalid = alone.check();
        if let Some((first, other)) = self.rows.first() {
            // What is invalid is told already.
            let is_valid = |column: &&str| {
                !invalid.iter().any(|fault| fault.reason.starts_with(&format!("{column}: ")))
            };
            let differs = |column| {
                alone.fault(format!("{column} is not that of line {first} of the same order"))
            };
            self.faults.extend(row.differences(other).into_iter().filter(is_valid).map(differs));
        }
        self.faults.extend(invalid);
        self.rows.push((line, row));
    }

    /// The order, unless something is wrong with it. Of what no single row is to blame for, as that
    /// there are too many, the first is told.
    fn finish(self) -> Result<Order, Vec<Fault>> {
        let rows: Vec<(u64, &Row)> = self.rows.iter().map(|(line, row)| (*line, row)).collect();
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let order = Order::new(&rows);
        let faults = order.check();
        if faults.is_empty() { Ok(order) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests;
