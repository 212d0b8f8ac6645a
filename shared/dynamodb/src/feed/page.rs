use headwater::StreamName;
use serde::{Deserialize, Serialize};

use super::FeedEntry;
use crate::store::is_run;
use crate::table::{from_item, to_item};
use crate::{Item, StoreError};

/// All pages' sort keys begin so, and the epoch's does not: no position has 20 digits of its own.
pub(super) const PAGES: &str = "0";

/// Some commits, at consecutive positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FeedPage {
    /// The position of the first one.
    pub(super) first: u64,
    /// What is listed.
    pub(super) commits: Vec<Listed>,
}

/// A commit as a page lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Listed {
    #[serde(rename = "s")]
    pub(super) stream: StreamName,
    /// The number of its first event.
    #[serde(rename = "f")]
    pub(super) first: u64,
    /// How many events it has.
    #[serde(rename = "n")]
    pub(super) count: u64,
}

#[derive(Serialize, Deserialize)]
struct PageItem {
    pk: String,
    sk: String,
    n: u64,
    l: Vec<Listed>,
}

impl FeedPage {
    /// The position of its last commit.
    pub(super) fn last(&self) -> u64 {
        self.first + self.commits.len() as u64 - 1
    }

    /// Its commits beyond a position.
    pub(super) fn entries_after(self, position: u64) -> impl Iterator<Item = FeedEntry> {
        let entry = |(position, Listed { stream, first, count })| FeedEntry {
            position,
            stream,
            first,
            last: first + count - 1,
        };
        (self.first..).zip(self.commits).map(entry).filter(move |entry| entry.position > position)
    }

    /// Whether it lists something, and all that it counts is within the numbers that there are.
    fn is_sound(&self) -> bool {
        is_run(self.first, self.commits.len() as u64)
            && self.commits.iter().all(|listed| is_run(listed.first, listed.count))
    }

    pub(super) fn into_item(self, tenant: &str, domain: &str) -> Result<Item, StoreError> {
        let (pk, sk) = (log(tenant, domain), sort_key(self.first));
        to_item(PageItem { pk, sk, n: self.commits.len() as u64, l: self.commits })
    }

    pub(super) fn read(item: Item) -> Result<Self, StoreError> {
        let PageItem { sk, l, .. } = from_item(item)?;
        let page = sk.parse().map(|first| Self { first, commits: l });
        page.ok().filter(Self::is_sound).ok_or_else(|| {
            StoreError::Refused(format!("what has the key {sk} is no page of a feed"))
        })
    }
}

/// The partition of a feed's pages and of its epoch.
pub(super) fn log(tenant: &str, domain: &str) -> String {
    format!("{tenant}/{domain}")
}

/// A position as a sort key: in order as numbers are.
pub(super) fn sort_key(position: u64) -> String {
    format!("{position:020}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_counts_beyond_all_numbers_or_nothing_is_no_page() {
        let read = |sk: u64, listed: &[(u64, u64)]| {
            let listed: Vec<_> = listed
                .iter()
                .map(|(first, count)| json!({ "s": "a/b/c/d", "f": first, "n": count }))
                .collect();
            FeedPage::read(
                to_item(json!({ "pk": "a/b", "sk": sort_key(sk), "n": 1, "l": listed })).unwrap(),
            )
        };
        assert_eq!(read(7, &[(1, 2), (3, 1)]).unwrap().last(), 8);
        for (sk, listed) in [
            (7, vec![]),
            (0, vec![(1, 1)]),
            (7, vec![(0, 1)]),
            (7, vec![(1, 0)]),
            (7, vec![(2, u64::MAX)]),
            (u64::MAX, vec![(1, 1)]),
        ] {
            assert!(matches!(read(sk, &listed), Err(StoreError::Refused(_))), "{sk} {listed:?}");
        }
    }
}
