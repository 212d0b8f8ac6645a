use std::collections::BTreeMap;

use headwater::{Amounts, Contributions, IndexKey, Row, StreamName, SumKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Generation;
use crate::table::{Key, from_item, to_item, version};
use crate::{Item, StoreError};

/// A primary row as it is stored: the row, and what the projector has still to do about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StoredRow {
    /// What the events amount to. Version 0 if none has been folded.
    pub(crate) row: Row,
    /// Index rows that the row has left, and that may not be removed yet.
    pub(crate) pending: Vec<IndexKey>,
    /// What the row has added to sums: what they must be rid of when it adds something else.
    pub(crate) contributions: Contributions,
    /// The lines of sums that were changed in the row's transaction. Whoever sees the row may not
    /// see them yet.
    pub(crate) lines: Vec<SumKey>,
    /// Why the projector gave the stream up, if it did.
    pub(crate) parked: Option<Parked>,
    /// Whether the stream has a log of all commits below it: its row was made from nothing by a
    /// build that keeps one. See `log`.
    pub(crate) logs: bool,
}

/// Why a stream is parked: an event that the projector cannot fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parked {
    /// What went wrong, for an operator.
    pub(crate) error: String,
    /// When the stream was parked.
    pub(crate) at: Timestamp,
    /// The version that the stream should have been brought to.
    pub(crate) version: u64,
}

/// The item, under the short names that are billed.
#[derive(Serialize, Deserialize)]
struct RowItem {
    pk: String,
    sk: String,
    #[serde(rename = "v", deserialize_with = "version")]
    version: u64,
    #[serde(rename = "r")]
    revision: u32,
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(rename = "d")]
    data: Value,
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<IndexKey>,
    /// serde_dynamo has no 128 bits, so amounts are texts.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    contributions: Vec<(SumKey, BTreeMap<String, String>)>,
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<SumKey>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    parked: Option<Parked>,
    #[serde(rename = "g", default, skip_serializing_if = "std::ops::Not::not")]
    logs: bool,
}

impl StoredRow {
    /// The item that stores the row of a stream.
    pub(crate) fn into_item(
        self,
        generation: Generation,
        stream: &StreamName,
    ) -> Result<Item, StoreError> {
        let Key { pk, sk } = generation.row(stream);
        let Row { version, revision, deleted, data } = self.row;
        // A stream that was parked before its first event has no data yet.
        let data = if data.is_null() { json!({}) } else { data };
        let Self { pending, parked, contributions, lines, logs, .. } = self;
        // The keys of a map are texts, so this is a list.
        let texts = |amounts: Amounts| {
            amounts.into_iter().map(|(name, amount)| (name, amount.to_string())).collect()
        };
        let contributions =
            contributions.into_iter().map(|(key, amounts)| (key, texts(amounts))).collect();
        to_item(RowItem {
            pk,
            sk,
            version,
            revision,
            deleted,
            data,
            pending,
            contributions,
            lines,
            parked,
            logs,
        })
    }

    /// The row that an item stores, and the partition that says whose it is.
    pub(crate) fn read(item: Item) -> Result<(String, Self), StoreError> {
        let RowItem {
            pk,
            version,
            revision,
            deleted,
            data,
            pending,
            contributions,
            lines,
            parked,
            logs,
            ..
        } = from_item(item)?;
        let contributions =
            contributions.into_iter().map(|(key, texts)| Ok((key, read_amounts(texts)?)));
        let contributions = contributions.collect::<Result<_, StoreError>>()?;
        let row = Row { version, revision, deleted, data };
        Ok((pk, Self { row, pending, contributions, lines, parked, logs }))
    }
}

fn read_amounts(texts: BTreeMap<String, String>) -> Result<Amounts, StoreError> {
    let refused = |text: &str| {
        StoreError::Refused(format!("a row's contribution is {text}, which is no number"))
    };
    texts
        .into_iter()
        .map(|(name, text)| Ok((name, text.parse().map_err(|_| refused(&text))?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_row_does_not_need_is_not_stored() {
        let stream = "acme/identity/users/42".parse().unwrap();
        let row = Row { version: 3, revision: 1, deleted: false, data: json!({ "name": "Ada" }) };
        let item =
            StoredRow { row, ..StoredRow::default() }.into_item(Generation(1), &stream).unwrap();
        let mut names: Vec<&str> = item.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["d", "pk", "r", "sk", "v"]);
        assert_eq!(item["pk"].as_s().unwrap(), "g1/acme/identity/users/42");
        assert_eq!(item["sk"].as_s().unwrap(), "row");
    }

    #[test]
    fn a_version_that_no_event_can_follow_is_none() {
        let item = |version: u64| {
            to_item(json!({ "pk": "g1/a/b/c/d", "sk": "row", "v": version, "r": 1, "d": {} }))
                .unwrap()
        };
        assert_eq!(StoredRow::read(item(u64::MAX - 1)).unwrap().1.row.version, u64::MAX - 1);
        assert!(StoredRow::read(item(u64::MAX)).is_err());
    }

    /// 38 digits, as many as a number of DynamoDB has.
    const LARGEST: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

    fn amounts() -> impl Strategy<Value = Amounts> {
        prop::collection::btree_map("[a-z]{1,4}", -LARGEST..=LARGEST, 0..3)
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(
            version in 0u64..1_000_000,
            deleted: bool,
            name in "\\PC{0,12}",
            number: i64,
            pending in prop::collection::vec(("[a-z/]{1,9}", "\\PC{0,9}"), 0..3),
            contributions in prop::collection::btree_map("[a-z]{1,4}", amounts(), 0..3),
            lines in prop::collection::vec("[a-z]{1,4}", 0..3),
            parked: bool,
            logs: bool,
        ) {
            let sum = |order| SumKey { index: "revenue/EUR".into(), order };
            let stream: StreamName = "acme/identity/users/42".parse().unwrap();
            let stored = StoredRow {
                row: Row {
                    version,
                    revision: 2,
                    deleted,
                    data: json!({
                        "name": name,
                        "number": number,
                        "none": null,
                        "list": [1, "a", {}],
                    }),
                },
                pending: pending
                    .into_iter()
                    .map(|(index, order)| IndexKey::new(index, &order, "42"))
                    .collect(),
                contributions: contributions
                    .into_iter()
                    .map(|(order, amounts)| (sum(order), amounts))
                    .collect(),
                lines: lines.into_iter().map(sum).collect(),
                parked: parked.then(
                    || Parked {
                        error: "unreadable".into(),
                        at: Timestamp::UNIX_EPOCH,
                        version: version + 1,
                    }
                ),
                logs,
            };
            let (pk, read) =
                StoredRow::read(stored.clone().into_item(Generation(7), &stream).unwrap()).unwrap();
            prop_assert_eq!(pk, "g7/acme/identity/users/42");
            prop_assert_eq!(read, stored);
        }
    }
}
