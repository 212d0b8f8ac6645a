//! When nothing goes wrong any more and nothing is under way: is everything where it belongs?

use std::collections::{BTreeMap, BTreeSet};

use headwater::{Commit, IndexKey, ProjectionFn, Row, StreamName};
use headwater_dynamodb::CommitItem;
use serde_dynamo::{AttributeValue, Item};

use crate::archive::archived;
use crate::cloud::State;
use crate::domain::{BUILDS, DOMAIN, TENANT, THINGS, projections};
use crate::history::{History, is_entity};

/// What the views table holds of one generation.
#[derive(Default)]
struct Views {
    /// Rows by their names.
    rows: BTreeMap<StreamName, Item>,
    /// Index rows: index, place, and whose they are.
    index: BTreeSet<(String, String, String)>,
    /// Sums that are not 0, by table, line and name.
    sums: BTreeMap<(String, String, String), i128>,
}

/// What a worker may leave behind that did not come to its last step.
#[derive(Clone, Copy)]
pub(crate) struct Leftovers {
    /// Lists of index rows that are yet to be removed. A worker of the second build may fold a
    /// part's row anew at its old version, and die before it removes the old places.
    /// Then one of the first build may have moved the stream's mark on.
    pub(crate) pending: bool,
    /// Index rows of states that are over: hints that lead nowhere. A row of one build that another
    /// has folded anew leaves the places of the first behind; and a worker that was overtaken
    /// leaves those that it put too late.
    pub(crate) places: bool,
}

/// Compares the tables with the history.
///
/// # Errors
/// What is not as it should be.
pub(crate) fn check(state: &State, allowed: Leftovers) -> Result<(), String> {
    let history = &state.history;
    check_events(state)?;
    check_keys(state)?;
    history.check_companions()?;
    for (stream, commits) in history.streams().filter(|(stream, _)| is_entity(stream)) {
        let head = commits.last().map_or(0, Commit::last);
        if history.fed(stream) != head {
            return Err(format!(
                "the feed has got to {} of {stream}, which is at {head}",
                history.fed(stream)
            ));
        }
    }
    let items = state.items("views");
    let active = items
        .iter()
        .find(|item| text(item, "pk").starts_with("generations/") && text(item, "sk") == "active");
    let active = active
        .map_or(1, |pointer| u32::try_from(number(pointer, "generation")).unwrap_or_default());
    let mut found = views(items)?;
    let read = found.remove(&active).unwrap_or_default();
    check_views(history, &read, allowed).map_err(|what| format!("generation {active}: {what}"))?;
    match found.iter().find(|(_, views)| !views.rows.is_empty() || !views.index.is_empty()) {
        Some((generation, _)) => Err(format!("rows of generation {generation} are left over")),
        None => Ok(()),
    }
}

/// Of whom is forgotten there is no key, and of whom else something was written there is one.
fn check_keys(state: &State) -> Result<(), String> {
    let keys = state.items("keys");
    for (stream, _) in state.history.streams().filter(|(stream, _)| stream.category() == THINGS) {
        let key = keys.iter().find(|key| text(key, "pk") == stream.as_str());
        let is_there = key.map(|key| key.inner().contains_key("k"));
        if is_there != Some(!state.history.is_forgotten(stream)) {
            return Err(format!("the key of {stream}: {key:?}"));
        }
    }
    Ok(())
}

/// The events table and the archive hold what was written, and nothing else.
fn check_events(state: &State) -> Result<(), String> {
    let mut stored: BTreeMap<(StreamName, u64), Commit> = BTreeMap::new();
    for item in state.items("events") {
        let commit =
            serde_dynamo::from_item::<_, CommitItem>(item).map_err(|error| error.to_string())?;
        let commit = Commit::try_from(commit).map_err(|error| error.to_string())?;
        stored.insert((commit.stream.clone(), commit.first), commit);
    }
    let mut archived = archived(state)?;
    for written in state.history.stored() {
        let key = (written.stream.clone(), written.first);
        let (stored, archived) = (stored.remove(&key), archived.remove(&key));
        let is_stored = stored.as_ref() == Some(written);
        // The archive has no snapshots.
        let is_archived = archived
            .as_ref()
            .is_some_and(|archived| *archived == Commit { snapshot: None, ..written.clone() });
        if !(is_stored || stored.is_none() && is_archived) || archived.is_some() && !is_archived {
            return Err(format!("{}@{} is not stored as it was written", key.0, key.1));
        }
    }
    match stored.into_keys().chain(archived.into_keys()).next() {
        Some((stream, first)) => Err(format!("nobody wrote {stream}@{first}")),
        None => Ok(()),
    }
}

fn check_views(history: &History, views: &Views, allowed: Leftovers) -> Result<(), String> {
    let mut expected = Views::default();
    for (stream, commits) in history.streams().filter(|(stream, _)| is_entity(stream)) {
        let head = commits.last().map_or(0, Commit::last);
        for name in names(stream, commits) {
            let row = views.rows.get(&name).ok_or_else(|| format!("{name} has no row"))?;
            if !allowed.pending && row.contains_key("k") {
                return Err(format!("{name} has index rows that are yet to be removed"));
            }
            let (projection, expected_row) = folded(history, &name, head, number(row, "r"))?;
            if number(row, "v") != expected_row.version {
                return Err(format!(
                    "the row of {name} is at {}, its stream at {}",
                    number(row, "v"),
                    expected_row.version
                ));
            }
            let applied =
                (projection.apply)(&name, &expected_row, &[]).map_err(|error| error.to_string())?;
            expected.index.extend(
                applied
                    .keys
                    .into_iter()
                    .map(|IndexKey { index, sort }| (index, sort, name.to_string())),
            );
            for (key, amounts) in applied.contributions {
                for (amount, value) in amounts {
                    *expected
                        .sums
                        .entry((key.index.clone(), key.order.clone(), amount))
                        .or_default() += value;
                }
            }
        }
    }
    expected.sums.retain(|_, value| *value != 0);
    if views.sums != expected.sums {
        return Err(format!("the sums are {:?}, not {:?}", views.sums, expected.sums));
    }
    if let Some(missing) = expected.index.difference(&views.index).next() {
        return Err(format!("the index row {missing:?} is missing"));
    }
    match views.index.difference(&expected.index).next() {
        Some(extra) if !allowed.places => Err(format!("the index row {extra:?} is left over")),
        _ => Ok(()),
    }
}

/// The names of the rows that a stream has: its own and those of its parts.
fn names(stream: &StreamName, commits: &[Commit]) -> BTreeSet<StreamName> {
    let parts = projections(2)
        .iter()
        .filter(|projection| projection.source() == stream.category())
        .filter_map(|projection| projection.parts);
    let parts = parts.flat_map(|parts| parts(stream, commits).unwrap_or_default());
    parts.chain([stream.clone()]).collect()
}

/// What folds a row of this revision, and the row at its stream's version.
fn folded(
    history: &History,
    name: &StreamName,
    head: u64,
    revision: u64,
) -> Result<(ProjectionFn, Row), String> {
    for build in BUILDS {
        if let Some(projection) = crate::history::projection(build, name)
            .filter(|projection| u64::from(projection.revision) == revision)
        {
            let row = history
                .row_at(build, name, head)
                .ok_or_else(|| format!("{name} cannot be folded"))?;
            return Ok((projection, row));
        }
    }
    Err(format!("the row of {name} has the revision {revision}"))
}

/// Sorts the items of the views table by generation.
fn views(items: Vec<Item>) -> Result<BTreeMap<u32, Views>, String> {
    let mut found: BTreeMap<u32, Views> = BTreeMap::new();
    for item in items {
        let (pk, sk) = (text(&item, "pk"), text(&item, "sk"));
        let Some((generation, rest)) = pk.strip_prefix('g').and_then(|pk| pk.split_once('/'))
        else {
            continue;
        };
        let Ok(generation) = generation.parse() else { continue };
        let views = found.entry(generation).or_default();
        let index = rest.strip_prefix(&format!("{TENANT}/{DOMAIN}/"));
        if sk == "row" {
            views.rows.insert(rest.parse().map_err(|_| format!("{pk} is no row's"))?, item);
        } else if let Some(AttributeValue::S(stream)) = item.get("s") {
            views.index.insert((index.unwrap_or_default().to_owned(), sk, stream.clone()));
        } else if let (Some(index), Some(order)) = (index, sk.strip_suffix('\0')) {
            for (name, value) in item.iter() {
                if let AttributeValue::N(value) = value
                    && value != "0"
                {
                    views.sums.insert(
                        (index.to_owned(), order.to_owned(), name.clone()),
                        value.parse().map_err(|_| format!("{value} is no sum"))?,
                    );
                }
            }
        }
    }
    Ok(found)
}

fn text(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    }
}

fn number(item: &Item, name: &str) -> u64 {
    match item.get(name) {
        Some(AttributeValue::N(number)) => number.parse().unwrap_or_default(),
        _ => 0,
    }
}
