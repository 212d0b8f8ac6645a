//! An invoice's life as `docs/reference/invoicing.md` tells it: each cell of the table is a test.

use std::collections::BTreeSet;

use headwater::Rejection;
use invoicing::*;

use crate::support::*;

const PAGE: &str = include_str!("../../../../docs/reference/invoicing.md");

#[test]
fn every_cell_of_the_documented_table_holds() {
    let columns = ["none", "DRAFT", "ISSUED", "SENT", "PAID", "VOID", "DELETED"];
    let rows: Vec<Vec<&str>> =
        PAGE.lines().filter_map(|line| row(line, columns.len() + 1)).collect();
    assert_eq!(rows[0][1..], columns, "the table's shape has changed");
    let mut wrong = Vec::new();
    for cells in &rows[1..] {
        let step = step(cells[0]);
        for (status, expected) in columns.iter().zip(&cells[1..]) {
            let answer = answer(&step, &in_status(status));
            if answer != *expected {
                wrong.push(format!(
                    "{} of {status}: documented is {expected}, but it is {answer}",
                    cells[0]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!(
        rows[1..].iter().map(|cells| step(cells[0]).name).collect::<BTreeSet<_>>(),
        commands(),
        "each command has a row"
    );
    assert_eq!(
        rows[1..].iter().map(|cells| cells[0]).collect::<BTreeSet<_>>().len(),
        14,
        "and a payment three"
    );
}

/// The cells of a table's row with so many, but for the line under its head.
fn row(line: &str, cells: usize) -> Option<Vec<&str>> {
    let row: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    (row.len() == cells).then_some(row)
}

fn in_status(status: &str) -> Invoice {
    let steps = match status {
        "none" => vec![],
        "DRAFT" => draft(),
        "ISSUED" => draft_and([issue()]),
        "SENT" => draft_and([issue(), send()]),
        "PAID" => draft_and([issue(), send(), pay("29.75", "before")]),
        "VOID" => draft_and([issue(), Step::new(VoidInvoice {})]),
        _ => draft_and([Step::new(DeleteInvoice {})]),
    };
    invoice(&steps)
}

fn step(cell: &str) -> Step {
    match cell {
        "`CreateInvoice`" => Step::new(create(vec![])),
        "`SetInvoiceCustomer`" => Step::new(SetInvoiceCustomer(bolt())),
        "`SetInvoiceCurrency`" => Step::new(SetInvoiceCurrency { currency: currency("USD") }),
        "`AddLineItem`" => add(item("1", "1", "0")),
        "`ChangeLineItem`" => change(1, item("1", "1", "0")),
        "`RemoveLineItem`" => remove(1),
        "`DeleteInvoice`" => Step::new(DeleteInvoice {}),
        "`EraseInvoice`" => Step::new(EraseInvoice {}),
        "`IssueInvoice`" => issue(),
        "`SendInvoiceToCustomer`" => send(),
        "`RecordPayment` of a part" => pay("10.00", "a"),
        "`RecordPayment` of what is due" => pay("29.75", "a"),
        "`RecordPayment` of too much" => pay("29.76", "a"),
        "`VoidInvoice`" => Step::new(VoidInvoice {}),
        other => panic!("the table has a row that no test knows: {other}"),
    }
}

fn answer(step: &Step, invoice: &Invoice) -> String {
    match step.decide(invoice) {
        Err(Rejection::Unknown { .. }) => "404".to_owned(),
        Err(Rejection::Refused { rule, members, .. }) => {
            if rule == &rules::INVALID_TRANSITION {
                assert_eq!(
                    (&members["invoiceStatus"], &members["command"]),
                    (&invoice.status.name().into(), &step.name.into())
                );
            }
            rule.name.to_owned()
        }
        Ok(events) if events.is_empty() => "no change".to_owned(),
        Ok(events) => fold(invoice.clone(), &events).status.name().to_owned(),
    }
}
