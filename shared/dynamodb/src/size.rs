//! How large DynamoDB counts an item, and what it will take: known before anything is sent.

use std::collections::HashMap;
use std::io;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

/// An item as the SDK gives and takes it.
pub type Item = HashMap<String, AttributeValue>;

/// The largest item, in bytes.
const MOST_ITEM_BYTES: usize = 400 * 1024;

/// The most items in a transaction.
const MOST_ITEMS: usize = 100;

/// The largest transaction, in bytes.
const MOST_TRANSACTION_BYTES: usize = 4 * 1024 * 1024;

/// A command's events are more than one atomic write can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// One item would be over 400 KB.
    #[error("{bytes} bytes in one commit, where {MOST_ITEM_BYTES} are the limit")]
    Item {
        /// Its size as DynamoDB counts it.
        bytes: usize,
    },
    /// The transaction would have over 100 items.
    #[error("{count} items in one transaction, where {MOST_ITEMS} are the limit")]
    Items {
        /// How many.
        count: usize,
    },
    /// The transaction would be over 4 MB.
    #[error("{bytes} bytes in one transaction, where {MOST_TRANSACTION_BYTES} are the limit")]
    Transaction {
        /// The sum of the items' sizes.
        bytes: usize,
    },
}

/// Whether one atomic write can hold items of these sizes. An item that is only checked counts as 0
/// bytes.
pub(crate) fn check(sizes: &[usize]) -> Result<(), TooLarge> {
    if let Some(&bytes) = sizes.iter().find(|bytes| **bytes > MOST_ITEM_BYTES) {
        return Err(TooLarge::Item { bytes });
    }
    let bytes = sizes.iter().sum();
    if sizes.len() > MOST_ITEMS {
        return Err(TooLarge::Items { count: sizes.len() });
    }
    if bytes > MOST_TRANSACTION_BYTES {
        return Err(TooLarge::Transaction { bytes });
    }
    Ok(())
}

/// How large a commit may be that is written together with `others` bytes.
pub(crate) fn room(others: usize) -> usize {
    MOST_ITEM_BYTES.min(MOST_TRANSACTION_BYTES.saturating_sub(others))
}

/// How many bytes a value has as JSON; 0 if it cannot be written as such.
pub(crate) fn json_size(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_or(0, |()| count.0)
}

/// An item's size in bytes: names and values of its attributes.
pub(crate) fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| attribute_size(name, value)).sum()
}

/// What an attribute adds to its item.
pub(crate) fn attribute_size(name: &str, value: &AttributeValue) -> usize {
    name.len() + value_size(value)
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number_size(number),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_size(number)).sum(),
        AttributeValue::Bs(all) => all.iter().map(|bytes| bytes.as_ref().len()).sum(),
        // A list or map has 3 bytes of its own and 1 for each element.
        AttributeValue::L(values) => {
            3 + values.iter().map(|value| 1 + value_size(value)).sum::<usize>()
        }
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + attribute_size(name, value)).sum::<usize>()
        }
        // Bool and Null; there are no others today.
        _ => 1,
    }
}

/// One byte, one for a minus, and one for each two significant digits before and behind the point.
fn number_size(number: &str) -> usize {
    let (negative, digits) = number.strip_prefix('-').map_or((0, number), |rest| (1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let significant = match (whole, fraction) {
        ("", fraction) => (0, fraction.trim_start_matches('0').len()),
        (whole, "") => (whole.trim_end_matches('0').len(), 0),
        (whole, fraction) => (whole.len(), fraction.len()),
    };
    1 + negative + significant.0.div_ceil(2) + significant.1.div_ceil(2)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn sizes_are_as_dynamodb_counts_them() {
        let s = |text: &str| AttributeValue::S(text.to_owned());
        let n = |number: &str| AttributeValue::N(number.to_owned());
        for (value, bytes) in [
            (s(""), 0),
            (s("abc"), 3),
            (s("日本"), 6),
            (n("0"), 1),
            (n("7"), 2),
            (n("27"), 2),
            (n("-27"), 3),
            (n("461"), 3),
            (n("1000"), 2),
            (n("1764000000000"), 3),
            (n("1764000000001"), 8),
            (n("12.5"), 3),
            (n("0.0012"), 2),
            (n("100.01"), 4),
            (n(&"9".repeat(38)), 20),
            (AttributeValue::B(vec![0; 5].into()), 5),
            (AttributeValue::Bool(true), 1),
            (AttributeValue::Null(true), 1),
            (AttributeValue::L(vec![]), 3),
            (AttributeValue::L(vec![s("ab"), n("7")]), 3 + 1 + 2 + 1 + 2),
            (AttributeValue::M(HashMap::new()), 3),
            (AttributeValue::M(HashMap::from([("key".to_owned(), s("ab"))])), 3 + 1 + 3 + 2),
            (AttributeValue::Ss(vec!["ab".to_owned(), "c".to_owned()]), 3),
            (AttributeValue::Ns(vec!["7".to_owned(), "-27".to_owned()]), 2 + 3),
            (AttributeValue::Bs(vec![vec![0; 5].into(), vec![0; 2].into()]), 5 + 2),
        ] {
            assert_eq!(value_size(&value), bytes, "{value:?}");
        }
        assert_eq!(
            item_size(&HashMap::from([("id".to_owned(), s("42")), ("n".to_owned(), n("7"))])),
            4 + 3
        );
    }

    #[test]
    fn what_exceeds_a_limit_is_refused() {
        for (sizes, expected) in [
            (vec![MOST_ITEM_BYTES], Ok(())),
            (vec![10, MOST_ITEM_BYTES + 1], Err(TooLarge::Item { bytes: MOST_ITEM_BYTES + 1 })),
            (vec![1; 100], Ok(())),
            (vec![1; 101], Err(TooLarge::Items { count: 101 })),
            ([vec![MOST_ITEM_BYTES; 10], vec![96 * 1024]].concat(), Ok(())),
            (
                [vec![MOST_ITEM_BYTES; 10], vec![96 * 1024 + 1]].concat(),
                Err(TooLarge::Transaction { bytes: MOST_TRANSACTION_BYTES + 1 }),
            ),
        ] {
            assert_eq!(check(&sizes), expected);
        }
    }
}
