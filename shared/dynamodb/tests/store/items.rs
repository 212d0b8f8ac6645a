//! The storage format. What was ever written must load for ever.

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{AMEND, Commit, Metadata, RecordedEvent, Snapshot, StreamName};
use headwater_dynamodb::{CommitItem, Item, ItemError, commit_from_item, commit_to_item};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn golden_commit() -> Commit {
    Commit {
        stream: "acme/identity/users/42".parse().unwrap(),
        first: 6,
        at: Timestamp::from_millisecond(1_764_000_000_123).unwrap(),
        metadata: Metadata {
            commit_id: Uuid::from_u128(0x0199_d5a1_2b3c_7def_8123_4567_89ab_cdef),
            command: "PatchUser".to_owned(),
            actor: "ada".to_owned(),
            correlation_id: "req-1".to_owned(),
            causation_id: Some("evt-9".to_owned()),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            reason: None,
        },
        events: vec![
            RecordedEvent {
                number: 6,
                event_type: "UserNameSet".to_owned(),
                version: 1,
                data: json!({ "userName": "ada" }),
            },
            RecordedEvent {
                number: 7,
                event_type: "EmailSet".to_owned(),
                version: 3,
                data: json!({ "email": null, "seen": [1, true] }),
            },
        ],
        snapshot: Some(Snapshot { revision: 2, state: json!({ "userName": "ada" }) }),
    }
}

/// An item as the console shows it.
fn in_words(item: Item) -> Value {
    let value = |value| match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(bool) => json!({ "BOOL": bool }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::L(values) => {
            let in_words = |value| in_words(Item::from([("v".to_owned(), value)]))["v"].clone();
            json!({ "L": values.into_iter().map(in_words).collect::<Vec<_>>() })
        }
        AttributeValue::M(map) => json!({ "M": in_words(map) }),
        other => panic!("a commit has no {other:?}"),
    };
    Value::Object(item.into_iter().map(|(name, attribute)| (name, value(attribute))).collect())
}

#[test]
fn a_commit_lies_in_the_table_as_it_always_did() {
    let golden: Value = serde_json::from_str(include_str!("../golden/commit-item.json")).unwrap();
    let item = commit_to_item(golden_commit()).unwrap();
    assert_eq!(in_words(item.clone()), golden);
    assert_eq!(commit_from_item(item).unwrap(), golden_commit());
}

#[test]
fn an_amendment_says_why_in_the_table() {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/amendment-item.json")).unwrap();
    let commit = golden_commit();
    let metadata = Metadata {
        command: AMEND.to_owned(),
        reason: Some("the import took the wrong name".to_owned()),
        causation_id: None,
        traceparent: None,
        ..commit.metadata
    };
    let events = vec![commit.events[0].clone()];
    let commit = Commit { metadata, events, snapshot: None, ..commit };
    let item = commit_to_item(commit.clone()).unwrap();
    assert_eq!(in_words(item.clone()), golden);
    assert_eq!(commit_from_item(item).unwrap(), commit);
}

#[test]
fn the_same_shape_reads_what_a_stream_record_carries() {
    let item: serde_dynamo::Item =
        serde_json::from_str(include_str!("../golden/commit-item.json")).unwrap();
    let item: CommitItem = serde_dynamo::from_item(item).unwrap();
    assert_eq!(Commit::try_from(item).unwrap(), golden_commit());
}

#[test]
fn what_is_no_commit_is_an_error() {
    let without = |name: &str| {
        let mut item = commit_to_item(golden_commit()).unwrap();
        item.remove(name);
        commit_from_item(item)
    };
    for name in ["stream", "seq", "e", "n", "at", "m"] {
        assert!(matches!(without(name), Err(ItemError::Shape(_))), "{name}");
    }
    let with = |name: &str, value: AttributeValue| {
        let mut item = commit_to_item(golden_commit()).unwrap();
        item.insert(name.to_owned(), value);
        commit_from_item(item)
    };
    assert!(matches!(
        with("n", AttributeValue::N("3".to_owned())),
        Err(ItemError::Count { count: 3, .. })
    ));
    assert!(matches!(with("seq", AttributeValue::N("0".to_owned())), Err(ItemError::Count { .. })));
    assert!(matches!(
        with("seq", AttributeValue::N(u64::MAX.to_string())),
        Err(ItemError::Count { .. })
    ));
    assert!(matches!(
        with("at", AttributeValue::N(i64::MAX.to_string())),
        Err(ItemError::Time { .. })
    ));
    assert!(matches!(
        with("stream", AttributeValue::S("nonsense".to_owned())),
        Err(ItemError::Shape(_))
    ));
}

/// Any data but a whole number written with a fraction: DynamoDB has one kind of number, so `1.0`
/// comes back as `1`.
fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) + 0.25)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("\\PC{0,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn commit()(
        id in "[A-Za-z0-9_-]{1,64}",
        first in 1_u64..1_000_000_000_000,
        at in 0_i64..4_000_000_000_000,
        commit_id in any::<u128>(),
        (command, actor, correlation_id) in ("\\PC{0,9}", "\\PC{0,9}", "\\PC{0,9}"),
        causation_id in prop::option::of("\\PC{0,9}"),
        traceparent in prop::option::of("\\PC{0,9}"),
        reason in prop::option::of("\\PC{0,9}"),
        events in prop::collection::vec(("[A-Z][a-z]{1,9}", 1_u32..9, data()), 1..5),
        snapshot in prop::option::of((1_u32..9, data())),
    ) -> Commit {
        let events = (first..).zip(events).map(
            |(
                number,
                (event_type, version, data),
            )| RecordedEvent { number, event_type, version, data }
        );
        Commit {
            stream: StreamName::new("acme", "identity", "users", &id).unwrap(),
            first,
            at: Timestamp::from_millisecond(at).unwrap(),
            metadata: Metadata {
                commit_id: Uuid::from_u128(commit_id),
                command,
                actor,
                correlation_id,
                causation_id,
                traceparent,
                reason,
            },
            events: events.collect(),
            snapshot: snapshot.map(|(revision, state)| Snapshot { revision, state }),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(commit in commit()) {
        prop_assert_eq!(commit_from_item(commit_to_item(commit.clone()).unwrap()).unwrap(), commit);
    }

    /// A damaged item is an error, or another commit: then it is written as it was read, but for
    /// `1.0`, which comes back as `1`.
    #[test]
    fn nothing_in_an_item_makes_the_reader_panic(
        commit in commit(),
        name in "stream|seq|e|n|at|m|s|x",
        damage in damage(),
        nested in any::<bool>(),
    ) {
        let mut item = commit_to_item(commit).unwrap();
        match item.get_mut(&name) {
            Some(AttributeValue::L(events)) if nested => events.push(damage),
            Some(AttributeValue::M(members)) if nested => {
                members.values_mut().take(1).for_each(|member| *member = damage.clone());
            }
            _ => { item.insert(name, damage); }
        }
        let again = |commit: Commit| commit_from_item(commit_to_item(commit).unwrap()).unwrap();
        if let Ok(read) = commit_from_item(item) {
            let read = again(read);
            prop_assert_eq!(again(read.clone()), read);
        }
    }
}

/// Any attribute, numbers in all the ways that DynamoDB may hold them.
fn damage() -> impl Strategy<Value = AttributeValue> {
    let number = prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just(u64::MAX.to_string()),
        "-?[0-9]{1,38}(\\.[0-9]{1,9})?(E[+-]?[0-9]{1,3})?",
    ];
    let leaf = prop_oneof![
        number.prop_map(AttributeValue::N),
        "\\PC{0,20}".prop_map(AttributeValue::S),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| AttributeValue::B(bytes.into())),
        prop::collection::vec("\\PC{0,9}", 0..3).prop_map(AttributeValue::Ss),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(AttributeValue::L),
            prop::collection::hash_map("[tvdicarkp]", inner, 0..5).prop_map(AttributeValue::M),
        ]
    })
}
