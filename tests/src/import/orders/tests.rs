use serde_json::json;

use super::*;

const HEADER: &str =
    "orderId,customerName,customerEmail,currency,description,quantity,unitPrice,taxRate\n";

/// A row of this order.
fn row(order: &str) -> String {
    format!("{order},Ada,ada@example.com,EUR,Tea,2,12.50,0.19\n")
}

/// What is wrong with a file of these rows, as `line order: reason`.
#[track_caller]
fn check(rows: &[&str], valid: usize, expected: &[&str]) -> Orders {
    let orders = read((HEADER.to_owned() + &rows.concat()).as_bytes()).unwrap();
    let faults: Vec<String> = orders
        .faults
        .iter()
        .map(|Fault { line, order, reason }| format!("{line} {order}: {reason}"))
        .collect();
    assert_eq!(faults.len(), expected.len(), "{faults:?}");
    for (fault, beginning) in faults.iter().zip(expected) {
        assert!(fault.starts_with(beginning), "{fault}, not {beginning}");
    }
    assert_eq!(orders.valid.len(), valid);
    orders
}

#[test]
fn rows_of_an_order_become_one_invoice() {
    let orders =
        check(&[&row("a"), &row("b"), &row("a").replace("Tea", "\"Coffee, ground\"")], 2, &[]);
    let expected = json!({
        "id": "a", "customer": { "name": "Ada", "email": "ada@example.com" }, "currency": "EUR",
        "lineItems": [
            { "description": "Tea", "quantity": "2", "unitPrice": "12.50", "taxRate": "0.19" },
            {
                "description": "Coffee, ground",
                "quantity": "2",
                "unitPrice": "12.50",
                "taxRate": "0.19",
            },
        ],
    });
    assert_eq!(orders.valid[0].invoice, expected);
}

#[test]
fn an_order_with_a_broken_row_is_left_out_and_the_others_go_in() {
    let orders = check(
        &[
            &row("a"),
            &row("b"),
            &row("a").replace(",2,", ",two,"),
            &row("c").replace("EUR", "EURO"),
        ],
        1,
        &["4 a: quantity: must be a decimal number", "5 c: currency: must be the ISO 4217 code"],
    );
    assert_eq!((orders.valid[0].id(), orders.refused), ("b", 2));
}

#[test]
fn all_that_is_wrong_is_told() {
    let both = row("a").replace("12.50", "-1");
    check(
        &[
            &row("a").replace("0.19", "19"),
            &both,
            &row("a").replace(",EUR,", ",USD,").replace("Ada", "Eve"),
        ],
        0,
        &[
            "2 a: taxRate: must be a fraction",
            "3 a: unitPrice: must be a decimal number",
            "4 a: customerName is not that of line 2",
            "4 a: currency is not that of line 2",
        ],
    );
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let long = row("a").replace("Tea", "\"Tea\nand\nbiscuits\"");
    check(
        &[&long, "\n", &row("b").replace(",2,", ",,")],
        0,
        &["2 a: description", "6 b: quantity"],
    );
    let windows =
        (HEADER.to_owned() + &row("a") + &row("b").replace(",2,", ",,")).replace('\n', "\r\n");
    assert_eq!(read(windows.as_bytes()).unwrap().faults[0].line, 3);
    let excel = format!("\u{feff}{windows}");
    assert_eq!(read(excel.as_bytes()).unwrap().faults[0].line, 3);
    let without_last_end = HEADER.to_owned() + "\n\n" + row("a").replace(",2,", ",,").trim_end();
    assert_eq!(read(without_last_end.as_bytes()).unwrap().faults[0].line, 4);
}

#[test]
fn a_line_ends_with_either_character_or_both() {
    for end in ["\n", "\r", "\r\n"] {
        let quoted = row("a").replace("Tea", "\"Tea\nand\nbiscuits\"");
        let file = HEADER.to_owned()
            + "\n"
            + &quoted
            + "\n\n"
            + &row("b").replace(",2,", ",,")
            + "\n"
            + &row("c").replace("EUR", "E");
        let faults = read(file.replace('\n', end).as_bytes()).unwrap().faults;
        assert_eq!(
            faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
            [3, 8, 10],
            "{end:?}"
        );
    }
    // As files of several systems come, one after the other.
    let mixed = HEADER.replace('\n', "\r")
        + &row("a").replace('\n', "\r\n")
        + "\r\n\r"
        + &row("b").replace(",2,", ",,");
    assert_eq!(read(mixed.as_bytes()).unwrap().faults[0].line, 5);
}

#[test]
fn rows_that_nobody_filled_in_are_skipped() {
    let orders = check(
        &[
            ",,,,,,,\n",
            &row("a"),
            ", ,,\t,,,,\n",
            "   \n",
            ",,\n",
            "\"\",\n",
            &row("b").replace(",2,", ",,"),
        ],
        1,
        &["8 b: quantity"],
    );
    assert_eq!((orders.valid.len(), orders.refused), (1, 1));
}

#[test]
fn rows_without_an_order_are_told_each_for_itself() {
    let one = row("").replace("EUR", "USD");
    let orders = check(
        &[&row(""), &one, &row("b")],
        1,
        &["2 : orderId: must be 1 to 64", "3 : orderId: must be 1 to 64"],
    );
    assert_eq!(orders.refused, 2);
    assert!(
        orders.faults[0].to_string().starts_with("line 2: orderId: must be"),
        "{}",
        orders.faults[0]
    );
}

#[test]
fn every_fault_of_a_row_is_told() {
    check(
        &[&row("a").replace(",2,12.50,", ",\"1,5\",\"12,50\",")],
        0,
        &["2 a: quantity: must be a decimal number", "2 a: unitPrice: must be a decimal number"],
    );
    check(
        &["b/1,\u{200b},ada..b@example.com,EURO,,\"0,5\",\"1,2\",19%\n"],
        0,
        &[
            "2 b/1: currency",
            "2 b/1: customerEmail",
            "2 b/1: customerName",
            "2 b/1: description",
            "2 b/1: orderId",
            "2 b/1: quantity",
            "2 b/1: taxRate",
            "2 b/1: unitPrice",
        ],
    );
    check(
        &[&row("a"), &row("a").replace(",EUR,", ",USD,").replace(",2,", ",0,")],
        0,
        &["3 a: currency is not that of line 2", "3 a: quantity: must be greater"],
    );
    check(
        &["a,Ada,ada@example.com,EUR,Tea,1,5,12,50,0.19\n"],
        0,
        &["2 a: has 10 fields, not 8: a field with a comma stands in quotes"],
    );
}

#[test]
fn what_a_file_holds_is_told_without_acting_on_a_terminal() {
    let orders = read((HEADER.to_owned() + &row("\u{1b}[2Ja\u{202e}")).as_bytes()).unwrap();
    assert!(
        orders.faults[0].to_string().starts_with("line 2, order \\u{1b}[2Ja\\u{202e}: orderId"),
        "{}",
        orders.faults[0]
    );
}

#[test]
fn a_row_that_cannot_be_read_takes_its_order_along() {
    check(
        &[
            &row("a"),
            "a,Ada,ada@example.com,EUR,Tea,2,12.50\n",
            &row("b").replace("0.19", "0.19,x"),
        ],
        0,
        &["3 a: has 7 fields, not 8", "4 b: has 9 fields, not 8"],
    );
    let latin_1 = [
        HEADER.as_bytes(),
        row("a").as_bytes(),
        b"a,Ad\xe8le,ada@example.com,EUR,Tea,2,12.50,0.19\n",
    ]
    .concat();
    let Orders { valid, faults, .. } = read(&latin_1).unwrap();
    assert_eq!(
        (valid.len(), faults),
        (0, vec![Fault { line: 3, order: "a".to_owned(), reason: "is not in UTF-8".to_owned() }])
    );
}

#[test]
fn what_no_row_is_to_blame_for_is_told_of_the_first() {
    check(&[&row("b"), &row("a").repeat(201)], 1, &["3 a: length is greater than 200"]);
}

#[test]
fn a_file_of_other_columns_is_refused() {
    for (header, reason) in [
        ("", "the file has no column orderId"),
        ("orderId,customerName", "the file has no column customerEmail"),
        (&*HEADER.replace("taxRate", "tax"), "the file has no column taxRate"),
        (&*HEADER.replace(',', ";"), "the columns of the file are to be separated by commas"),
    ] {
        assert_eq!(
            read(header.as_bytes()).err().map(|error| error.to_string()).as_deref(),
            Some(reason),
            "{header}"
        );
    }
}
