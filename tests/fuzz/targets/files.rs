//! Files that an operator brings: orders of another system as CSV, and dumps.
#![no_main]

use std::io::Write;
use std::path::Path;

use headwater::{Commit, StreamName};
use headwater_fuzz::domains;
use libfuzzer_sys::fuzz_target;

// The readers themselves, without the programs about them.
#[path = "../../../infra/admin/src/dumped.rs"]
mod dumped;

#[expect(dead_code, reason = "only what reads a file is called")]
#[path = "../../src/import"]
mod import {
    mod fault;
    mod order;
    mod orders;

    use headwater_lambda::read_json;
    use invoicing::CreateInvoice;

    use fault::Fault;

    /// What is valid is an invoice; what is not is told, with a line of the file.
    pub(crate) fn holds(file: &[u8]) {
        let Ok(read) = orders::read(file) else { return };
        for order in &read.valid {
            let invoice = read_json::<CreateInvoice>(order.invoice.clone()).expect("it is valid");
            assert_eq!(invoice.id.as_deref(), Some(order.id()));
            assert!(!invoice.line_items.is_empty());
        }
        let lines = 1 + file.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count() as u64;
        assert!(read.faults.len() >= read.refused);
        assert_eq!(read.faults.is_empty(), read.refused == 0);
        for Fault { line, reason, .. } in &read.faults {
            assert!((1..=lines).contains(line) && !reason.is_empty());
        }
    }
}

fuzz_target!(|file: &[u8]| {
    import::holds(file);
    let mut dump = tempfile::NamedTempFile::new().expect("a file");
    dump.write_all(file).expect("a file");
    dump_holds(dump.path());
});

/// What was checked can be written: streams in order, each from its first event on without a gap.
fn dump_holds(file: &Path) {
    let Ok(checked) = dumped::check(&domains(), file) else { return };
    let mut commits = 0;
    let mut previous: Option<(StreamName, u64)> = None;
    for batch in dumped::batches(file).expect("it was read before") {
        let dumped::Batch { stream, commits: batch } = batch.expect("it was checked");
        for Commit { stream: own, first, events, .. } in &batch {
            assert_eq!(*own, stream);
            let version = match &previous {
                Some((before, version)) if *before == stream => *version,
                before => {
                    assert!(before.as_ref().is_none_or(|(before, _)| *before < stream));
                    0
                }
            };
            assert_eq!(*first, version + 1);
            assert!((*first..).zip(events).all(|(number, event)| event.number == number));
            previous = Some((stream.clone(), version + events.len() as u64));
            commits += 1;
        }
    }
    assert_eq!(commits, checked.commits);
}
