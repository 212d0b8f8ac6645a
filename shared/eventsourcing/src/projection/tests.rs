use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{Metadata, encode};

/// A shelf of books; the shelf is dusted now and then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum ShelfEvent {
    Placed { book: String },
    Lent { book: String },
    Dusted {},
}

impl Event for ShelfEvent {}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Book {
    lent: u32,
}

impl Projection for Book {
    type Event = ShelfEvent;
    const CATEGORY: &'static str = "shelves/books";
    const REVISION: u32 = 3;

    fn evolve(&mut self, event: &ShelfEvent, _: Timestamp) {
        self.lent += u32::from(matches!(event, ShelfEvent::Lent { .. }));
    }

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<IndexKey> {
        let parent = name.parent_id().unwrap_or_default();
        BTreeSet::from([IndexKey::new(format!("books/{parent}"), &format!("{:03}", self.lent), name.id())])
    }
}

impl Part for Book {
    fn id(event: &ShelfEvent) -> Option<&str> {
        match event {
            ShelfEvent::Placed { book } | ShelfEvent::Lent { book } => Some(book),
            ShelfEvent::Dusted {} => None,
        }
    }
}

fn shelf() -> StreamName {
    StreamName::new("acme", "library", "shelves", "7").unwrap()
}

fn commit(first: u64, events: &[ShelfEvent]) -> Commit {
    Commit {
        stream: shelf(),
        first,
        at: Timestamp::UNIX_EPOCH,
        metadata: Metadata {
            commit_id: Uuid::nil(),
            command: "Test".into(),
            actor: "ada".into(),
            correlation_id: "c".into(),
            causation_id: None,
            traceparent: None,
        },
        events: (first..).zip(events).map(|(number, event)| encode(number, event).unwrap()).collect(),
        snapshot: None,
    }
}

fn placed(book: &str) -> ShelfEvent {
    ShelfEvent::Placed { book: book.into() }
}

fn lent(book: &str) -> ShelfEvent {
    ShelfEvent::Lent { book: book.into() }
}

#[test]
fn a_part_is_folded_from_its_own_events() {
    let part = part_fn::<Book>();
    let commits = [
        commit(1, &[placed("a"), placed("b")]),
        commit(3, &[lent("a")]),
        commit(4, &[lent("b"), lent("a")]),
        commit(6, &[ShelfEvent::Dusted {}]),
    ];
    let names = (part.parts.unwrap())(&shelf(), &commits).unwrap();
    let names: Vec<&StreamName> = names.iter().collect();
    assert_eq!(
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
        ["acme/library/shelves/7/books/a", "acme/library/shelves/7/books/b"]
    );
    for (name, lent, version) in [(names[0], 2, 5), (names[1], 1, 5)] {
        let applied = (part.apply)(name, &Row::default(), &commits).unwrap();
        assert_eq!(applied.row, Row { version, revision: 3, deleted: false, data: json!({ "lent": lent }) });
        assert_eq!(applied.keys.iter().map(|key| key.index.as_str()).collect::<Vec<_>>(), ["books/7"]);
    }
}

#[test]
fn a_part_that_is_ahead_takes_only_what_it_lacks_and_a_part_that_nothing_concerns_stays() {
    let part = part_fn::<Book>();
    let a = shelf().child("books", "a").unwrap();
    let ahead = Row { version: 3, revision: 3, deleted: false, data: json!({ "lent": 1 }) };
    let commits = [commit(1, &[placed("a"), placed("b")]), commit(3, &[lent("a")]), commit(4, &[lent("a")])];
    assert_eq!((part.apply)(&a, &ahead, &commits).unwrap().row, Row { version: 4, data: json!({ "lent": 2 }), ..ahead.clone() });
    let elsewhere = (part.apply)(&a, &ahead, &[commit(4, &[lent("b")])]).unwrap();
    assert_eq!((elsewhere.row, elsewhere.put.len(), elsewhere.removed.len()), (ahead, 0, 0));
}

#[test]
fn the_own_row_of_a_stream_with_parts_is_a_mark() {
    let part = part_fn::<Book>();
    assert_eq!((part.category, part.source()), ("shelves/books", "shelves"));
    let mark = own_row(&[part, ProjectionFn { category: "shelves/labels", revision: 4, ..part }], "shelves").unwrap();
    assert_eq!((mark.category, mark.revision, mark.parts.is_none()), ("shelves", 7, true));
    let row = (mark.apply)(&shelf(), &Row::default(), &[commit(1, &[placed("a"), placed("b")])]).unwrap().row;
    assert_eq!((row.version, row.data), (2, json!({})));
    assert!(own_row(&[part], "books").is_none());
    assert_eq!(own_row(&[projection_fn::<Book>()], "shelves/books").unwrap().revision, 3);
}

#[test]
fn sums_change_by_what_a_row_contributes_more_or_less() {
    let sums = |lines: &[(&str, &[(&str, i128)])]| -> Contributions {
        let line = |(order, amounts): &(&str, &[(&str, i128)])| {
            let amounts = amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect();
            (SumKey { index: "revenue/EUR".into(), order: (*order).into() }, amounts)
        };
        lines.iter().map(line).collect()
    };
    let none = sums(&[]);
    let may = sums(&[("2026-05", &[("net", 100), ("tax", 19)])]);
    let more = sums(&[("2026-05", &[("net", 150), ("tax", 19)]), ("2026-06", &[("paid", 7)])]);
    assert_eq!(contribution_changes(&none, &may), may);
    assert_eq!(contribution_changes(&may, &more), sums(&[("2026-05", &[("net", 50)]), ("2026-06", &[("paid", 7)])]));
    assert_eq!(contribution_changes(&more, &may), sums(&[("2026-05", &[("net", -50)]), ("2026-06", &[("paid", -7)])]));
    assert_eq!(contribution_changes(&may, &none), sums(&[("2026-05", &[("net", -100), ("tax", -19)])]));
    assert_eq!(contribution_changes(&more, &more), none);
}
