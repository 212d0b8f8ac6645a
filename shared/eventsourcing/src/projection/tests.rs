use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{Commit, Metadata, encode};

/// A shelf of books; the shelf is dusted now and then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum ShelfEvent {
    Placed { book: String },
    Lent { book: String },
    Dusted {},
    Burnt {},
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
        BTreeSet::from([IndexKey::new(
            format!("books/{parent}"),
            &format!("{:03}", self.lent),
            name.id(),
        )])
    }
}

impl Part for Book {
    fn id(event: &ShelfEvent) -> Option<&str> {
        match event {
            ShelfEvent::Placed { book } | ShelfEvent::Lent { book } => Some(book),
            ShelfEvent::Dusted {} | ShelfEvent::Burnt {} => None,
        }
    }
}

/// The shelf itself: it stands among the clean ones, and is one of all.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Shelf {
    is_clean: bool,
    is_burnt: bool,
}

impl Projection for Shelf {
    type Event = ShelfEvent;
    const CATEGORY: &'static str = "shelves";
    const REVISION: u32 = 3;

    fn evolve(&mut self, event: &ShelfEvent, _: Timestamp) {
        self.is_clean = matches!(event, ShelfEvent::Dusted {});
        self.is_burnt |= matches!(event, ShelfEvent::Burnt {});
    }

    fn is_deleted(&self) -> bool {
        self.is_burnt
    }

    fn index_keys(&self, name: &StreamName) -> BTreeSet<IndexKey> {
        let index = if self.is_clean { "clean" } else { "dusty" };
        BTreeSet::from([IndexKey::new(index, "", name.id())])
    }

    fn contributions(&self, _: &StreamName) -> Contributions {
        BTreeMap::from([(
            SumKey { index: "shelves".into(), order: "all".into() },
            Amounts::from([("count".into(), 1)]),
        )])
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
            reason: None,
        },
        events: (first..)
            .zip(events)
            .map(|(number, event)| encode(number, event).unwrap())
            .collect(),
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
        assert_eq!(
            applied.row,
            Row { version, revision: 3, deleted: false, data: json!({ "lent": lent }) }
        );
        assert_eq!(
            applied.keys.iter().map(|key| key.index.as_str()).collect::<Vec<_>>(),
            ["books/7"]
        );
    }
}

#[test]
fn a_part_that_is_ahead_takes_only_what_it_lacks_and_a_part_that_nothing_concerns_stays() {
    let part = part_fn::<Book>();
    let a = shelf().child("books", "a").unwrap();
    let ahead = Row { version: 3, revision: 3, deleted: false, data: json!({ "lent": 1 }) };
    let commits =
        [commit(1, &[placed("a"), placed("b")]), commit(3, &[lent("a")]), commit(4, &[lent("a")])];
    assert_eq!(
        (part.apply)(&a, &ahead, &commits).unwrap().row,
        Row { version: 4, data: json!({ "lent": 2 }), ..ahead.clone() }
    );
    let elsewhere = (part.apply)(&a, &ahead, &[commit(4, &[lent("b")])]).unwrap();
    assert_eq!((elsewhere.row, elsewhere.put.len(), elsewhere.removed.len()), (ahead, 0, 0));
}

#[test]
fn the_own_row_of_a_stream_with_parts_is_a_mark() {
    let part = part_fn::<Book>();
    assert_eq!((part.category, part.source()), ("shelves/books", "shelves"));
    let mark = own_row(
        &[part, ProjectionFn { category: "shelves/labels", revision: 4, ..part }],
        "shelves",
    )
    .unwrap();
    assert_eq!((mark.category, mark.revision, mark.parts.is_none()), ("shelves", 7, true));
    let row = (mark.apply)(&shelf(), &Row::default(), &[commit(1, &[placed("a"), placed("b")])])
        .unwrap()
        .row;
    assert_eq!((row.version, row.data), (2, json!({})));
    assert!(own_row(&[part], "books").is_none());
    assert_eq!(own_row(&[projection_fn::<Book>()], "shelves/books").unwrap().revision, 3);
}

#[test]
fn a_stream_has_a_log_if_what_lies_right_below_it_is_logged() {
    let below = ProjectionFn { category: "shelves/loans", logged: true, ..projection_fn::<Book>() };
    let projections = [part_fn::<Book>(), below];
    for (category, has_one) in
        [("shelves", true), ("shelves/loans", false), ("shelves/books", false), ("", false)]
    {
        assert_eq!(keeps_log(&projections, category), has_one, "{category}");
    }
    assert!(!keeps_log(&[ProjectionFn { logged: false, ..below }], "shelves"));
}

#[test]
fn sums_change_by_what_a_row_contributes_more_or_less() {
    let sums = |lines: &[(&str, &[(&str, i128)])]| -> Contributions {
        let line = |(order, amounts): &(&str, &[(&str, i128)])| {
            let amounts =
                amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect();
            (SumKey { index: "revenue/EUR".into(), order: (*order).into() }, amounts)
        };
        lines.iter().map(line).collect()
    };
    let none = sums(&[]);
    let may = sums(&[("2026-05", &[("net", 100), ("tax", 19)])]);
    let more = sums(&[("2026-05", &[("net", 150), ("tax", 19)]), ("2026-06", &[("paid", 7)])]);
    assert_eq!(contribution_changes(&none, &may), may);
    assert_eq!(
        contribution_changes(&may, &more),
        sums(&[("2026-05", &[("net", 50)]), ("2026-06", &[("paid", 7)])])
    );
    assert_eq!(
        contribution_changes(&more, &may),
        sums(&[("2026-05", &[("net", -50)]), ("2026-06", &[("paid", -7)])])
    );
    assert_eq!(
        contribution_changes(&may, &none),
        sums(&[("2026-05", &[("net", -100), ("tax", -19)])])
    );
    assert_eq!(contribution_changes(&more, &more), none);
}

fn folded(row: &Row, commits: &[Commit]) -> Applied {
    (projection_fn::<Shelf>().apply)(&shelf(), row, commits).unwrap()
}

/// Which index rows are to be put, and which removed.
fn changed(applied: &Applied) -> (Vec<&str>, Vec<&str>) {
    (
        applied.put.iter().map(|key| key.index.as_str()).collect(),
        applied.removed.iter().map(|key| key.index.as_str()).collect(),
    )
}

#[test]
fn index_rows_are_put_where_they_were_missing_on_the_way_and_removed_where_they_stood() {
    let (dusted, used) = ([ShelfEvent::Dusted {}], [placed("a")]);
    let new = folded(&Row::default(), &[commit(1, &dusted)]);
    assert_eq!(changed(&new), (vec!["clean"], vec![]));
    assert_eq!(changed(&folded(&new.row, &[commit(2, &dusted)])), (vec![], vec![]));
    assert_eq!(changed(&folded(&new.row, &[commit(2, &used)])), (vec!["dusty"], vec!["clean"]));
    assert_eq!(
        changed(&folded(&new.row, &[commit(2, &used), commit(3, &dusted)])),
        (vec!["clean"], vec!["dusty"])
    );
}

#[test]
fn what_is_not_there_yet_or_no_more_stands_nowhere_and_adds_nothing() {
    let none = folded(&Row::default(), &[]);
    assert_eq!((none.row.version, none.contributions.len()), (0, 0));
    let live = folded(&none.row, &[commit(1, &[placed("a")])]);
    assert_eq!((live.row.deleted, live.keys.len(), live.contributions.len()), (false, 1, 1));
    let burnt = folded(&live.row, &[commit(2, &[ShelfEvent::Burnt {}])]);
    assert_eq!((burnt.row.deleted, burnt.keys.len(), burnt.contributions.len()), (true, 0, 0));
    assert_eq!(changed(&burnt), (vec![], vec!["dusty"]));
}

#[test]
fn a_row_of_another_revision_or_of_nothing_is_folded_from_the_start() {
    let commits = [commit(1, &[placed("a")]), commit(2, &[ShelfEvent::Dusted {}])];
    let fresh = folded(&Row::default(), &commits);
    let old = Row { version: 1, revision: 2, deleted: true, data: json!({ "other": "shape" }) };
    assert_eq!(folded(&old, &commits), fresh);
    assert_eq!(folded(&Row { revision: 3, ..Row::default() }, &commits), fresh);
}

#[test]
fn the_newest_comes_first() {
    let order =
        |millisecond| IndexKey::newest_first(Timestamp::from_millisecond(millisecond).unwrap());
    assert_eq!(order(0), "9999999999999");
    assert_eq!(order(1_764_000_000_000), "8235999999999");
    assert!(order(1_764_000_000_001) < order(1_764_000_000_000));
    let bounds = [Timestamp::MIN, Timestamp::MAX].map(IndexKey::newest_first);
    assert_eq!(bounds, ["9999999999999", "0000000000000"], "no time leaves its place");
}

#[test]
fn the_earliest_comes_first_whatever_the_times_are() {
    let times = [
        Timestamp::MIN,
        Timestamp::from_millisecond(-1).unwrap(),
        Timestamp::UNIX_EPOCH,
        Timestamp::from_millisecond(1).unwrap(),
        Timestamp::from_millisecond(9_999_999_999_999).unwrap(),
        Timestamp::from_millisecond(10_000_000_000_000).unwrap(),
        Timestamp::MAX,
    ];
    let orders = times.map(IndexKey::earliest_first);
    assert!(orders.is_sorted_by(|one, next| one < next), "{orders:?}");
    assert!(orders.iter().all(|order| order.len() == 15), "{orders:?}");
}
