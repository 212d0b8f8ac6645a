//! One stream: its own row and those of its parts.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Applied, Commit, IndexKey, ProjectionFn, Row, StreamName, own_row};

use super::{Audit, Finding};
use crate::table::{Consistency, Key};
use crate::views::{FoldError, Rows, StoredRow, fold, known};
use crate::{Item, StoreError};

/// What became of the comparison of a stream's rows with its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// What is wrong with them.
    pub findings: Vec<Finding>,
    /// How far they have got, if that is not as far as the events.
    pub behind: Option<u64>,
    /// Whether they could not be compared, since another build folded them: with another revision
    /// of their projection, so that this build does not read them, or with events that this one
    /// does not know.
    pub is_of_another_revision: bool,
}

impl Audit {
    /// Compares the rows of a stream with a fold of its events as far as they have got. `commits`
    /// are the stream's, all of them up to some version; what came later is read. A kind of stream
    /// without rows has nothing to compare.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stream(
        &self,
        stream: &StreamName,
        commits: &[Commit],
    ) -> Result<Audited, StoreError> {
        let Some(own) = own_row(self.projections, &stream.category()) else {
            return Ok(Audited::default());
        };
        let rows = self.rows().await?;
        let stored = rows.get(stream, Consistency::Strong).await?;
        let head = commits.last().map_or(0, Commit::last);
        let mut audited = Audited {
            behind: (stored.row.version < head).then_some(stored.row.version),
            ..Audited::default()
        };
        if let Some(parked) = &stored.parked {
            audited.findings.push(Finding::new(
                "parked",
                stream,
                format!("since {}, at version {}: {}", parked.at, stored.row.version, parked.error),
            ));
            audited.behind = None;
        } else if stored.row.version > 0 && stored.row.revision != own.revision {
            return Ok(Audited { is_of_another_revision: true, ..Audited::default() });
        }
        let (commits, newer) = known(&own, self.reach(stream, commits, stored.row.version).await?);
        if newer.is_some_and(|newer| newer.number <= stored.row.version) {
            return Ok(Audited { is_of_another_revision: true, ..Audited::default() });
        }
        let seen = commits_until(&commits, stored.row.version);
        match fold(&own, stream, &Row::default(), seen) {
            Ok(applied) => {
                audited.findings.extend(self.compare(&rows, stream, &stored, &applied).await?)
            }
            Err(error) => audited.findings.extend(unfoldable(stream, error)?),
        }
        if own.logged {
            audited.findings.extend(self.log(&rows, stream, seen).await?);
        }
        for part in self
            .projections
            .iter()
            .filter(|part| part.parts.is_some() && part.source() == stream.category())
        {
            audited
                .findings
                .extend(self.parts(&rows, part, stream, &commits, stored.row.version).await?);
        }
        Ok(audited)
    }

    /// The rows of all parts of one kind. Each may be ahead of the mark, which must not be ahead of
    /// any.
    async fn parts(
        &self,
        rows: &Rows,
        part: &ProjectionFn,
        stream: &StreamName,
        commits: &[Commit],
        mark: u64,
    ) -> Result<Vec<Finding>, StoreError> {
        let names = part
            .parts
            .map(|parts| parts(stream, commits_until(commits, mark)))
            .transpose()?
            .unwrap_or_default();
        let mut findings = Vec::new();
        for (name, stored) in
            rows.get_many(names.into_iter().collect(), Consistency::Strong).await?
        {
            let commits = self.reach(stream, commits, stored.row.version).await?;
            match fold(
                part,
                &name,
                &Row::default(),
                commits_until(&commits, mark.max(stored.row.version)),
            ) {
                Ok(applied) => findings.extend(self.compare(rows, &name, &stored, &applied).await?),
                Err(error) => findings.extend(unfoldable(&name, error)?),
            }
        }
        Ok(findings)
    }

    /// What the log of the stream above lacks of these commits, if it is one that should lack none.
    async fn log(
        &self,
        rows: &Rows,
        stream: &StreamName,
        commits: &[Commit],
    ) -> Result<Vec<Finding>, StoreError> {
        let Some(above) = stream.parent() else { return Ok(Vec::new()) };
        if !rows.get(&above, Consistency::Strong).await?.logs {
            return Ok(Vec::new());
        }
        let key = |commit: &Commit| rows.log_key(&above, stream, commit.at, commit.last());
        let wanted: Vec<Item> = commits.iter().map(|commit| key(commit).into_item()).collect();
        let found = self.views.get_many(&wanted, Consistency::Strong).await?;
        let is_there = |key: &Key| {
            let sk = AttributeValue::S(key.sk.clone());
            found.iter().any(|item| item.get("sk") == Some(&sk))
        };
        Ok(commits
            .iter()
            .filter(|commit| !is_there(&key(commit)))
            .map(|commit| {
                let what = format!("event {} is missing in the log of {above}", commit.first);
                Finding::new("list", stream, what)
            })
            .collect())
    }

    /// The commits of a stream up to a version at least.
    async fn reach(
        &self,
        stream: &StreamName,
        commits: &[Commit],
        version: u64,
    ) -> Result<Vec<Commit>, StoreError> {
        let head = commits.last().map_or(0, Commit::last);
        let mut commits = commits.to_vec();
        if head < version {
            commits.extend(self.events.commits_after(stream, head).await?);
        }
        Ok(commits)
    }

    /// What differs between a row, with its places in lists, and what it should be.
    async fn compare(
        &self,
        rows: &Rows,
        name: &StreamName,
        stored: &StoredRow,
        applied: &Applied,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::new();
        let mut wrong = |what: String| findings.push(Finding::new("row", name, what));
        let (is, should) = (&stored.row, &applied.row);
        if is.version != should.version {
            wrong(format!(
                "is at version {}, but its events end at {}",
                is.version, should.version
            ));
        } else if is.version > 0 && (is.deleted, &is.data) != (should.deleted, &should.data) {
            wrong(format!(
                "is not the fold of its events up to {}: {} instead of {}",
                is.version,
                shown(is),
                shown(should)
            ));
        }
        if stored.contributions != applied.contributions {
            wrong("has not added to sums what it should have".to_owned());
        }
        let standing = self.standing(rows, name, &applied.keys).await?;
        findings.extend(applied.keys.difference(&standing).map(|key| {
            Finding::new(
                "list",
                name,
                format!("is missing in the list {}, at {:?}", key.index, key.sort),
            )
        }));
        Ok(findings)
    }

    /// Those of these places at which the lists have the row.
    async fn standing(
        &self,
        rows: &Rows,
        name: &StreamName,
        keys: &BTreeSet<IndexKey>,
    ) -> Result<BTreeSet<IndexKey>, StoreError> {
        let pk = |key: &IndexKey| rows.generation().index(name.tenant(), name.domain(), &key.index);
        let mut places: HashMap<(String, String), &IndexKey> =
            keys.iter().map(|key| ((pk(key), key.sort.clone()), key)).collect();
        let wanted: Vec<Item> =
            places.keys().cloned().map(|(pk, sk)| Key { pk, sk }.into_item()).collect();
        let found = self.views.get_many(&wanted, Consistency::Strong).await?;
        let text = |item: &Item, name: &str| {
            item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
        };
        let standing =
            found.iter().filter(|item| !item.contains_key("x") && text(item, "s") == name.as_str());
        Ok(standing
            .filter_map(|item| places.remove(&(text(item, "pk"), text(item, "sk"))))
            .cloned()
            .collect())
    }
}

/// The commits up to a version.
fn commits_until(commits: &[Commit], version: u64) -> &[Commit] {
    let count = commits.iter().take_while(|commit| commit.last() <= version).count();
    commits.get(..count).unwrap_or_default()
}

/// What is wrong where a row cannot be folded. That a newer build's event came just now is nothing
/// wrong.
fn unfoldable(name: &StreamName, error: FoldError) -> Result<Option<Finding>, StoreError> {
    match error {
        FoldError::Newer(_) => Ok(None),
        FoldError::Poison(error) => Ok(Some(Finding::new(
            "row",
            name,
            format!("has events that cannot be folded: {error}"),
        ))),
        FoldError::Store(error) => Err(error),
    }
}

fn shown(row: &Row) -> String {
    format!("{}{}", if row.deleted { "deleted, " } else { "" }, row.data)
}
