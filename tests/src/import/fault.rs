use std::fmt;

use headwater::shown;

/// Why something of the file is not among the invoices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where in the file, from 1; an order's first row where it is about all of them.
    pub line: u64,
    /// The order's id, as the file has it; empty if it has none.
    pub order: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, order, reason } = self;
        let (order, reason) = (shown(order), shown(reason));
        if order.is_empty() {
            write!(f, "line {line}: {reason}")
        } else {
            write!(f, "line {line}, order {order}: {reason}")
        }
    }
}
