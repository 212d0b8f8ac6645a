//! All that was ever written to the events table and to the change feed, in the order of writing.
//! Also what must be true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use headwater::{
    Aggregate, Amounts, Commit, Folded, ProjectionFn, Row, SequenceEvent, StreamName, SumKey,
    Unique, decode, own_row, unmarked,
};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::{Crate, DOMAIN, FORGOTTEN, NEWER, THINGS, Thing, ThingEvent, projections};

/// A count of what has become visible so far: what happened between two moments happened between
/// two answers.
pub(crate) type Moment = usize;

/// What the feed told of a stream: up to which version, and when.
struct Fed {
    stream: StreamName,
    last: u64,
    at: Duration,
}

/// One write of a primary row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrittenRow {
    /// The version that it has.
    pub(crate) version: u64,
    /// The build that has folded it.
    pub(crate) build: u32,
}

/// What is known to be so.
#[derive(Default)]
pub(crate) struct History {
    streams: BTreeMap<StreamName, Vec<Commit>>,
    /// The same as they are stored, with what is personal sealed.
    stored: BTreeMap<(StreamName, u64), Commit>,
    /// Commits that are no longer in the table.
    removed: BTreeSet<(StreamName, u64)>,
    moment: Moment,
    /// Of each stream, when readers saw it get to which version.
    heads: BTreeMap<StreamName, Vec<(Moment, u64)>>,
    /// Who holds each name.
    names: BTreeMap<String, StreamName>,
    /// Of each name's stream, since when readers see it held by whom.
    claims: BTreeMap<StreamName, Vec<(Moment, Option<String>)>>,
    /// The commit that a request from outside led to.
    requests: BTreeMap<String, (Uuid, StreamName, u64)>,
    /// The entries of the change feed, from position 1.
    feed: Vec<Fed>,
    fed: BTreeMap<StreamName, u64>,
    /// How the primary rows were written, by partition, as `g1/acme/sim/things/1`.
    rows: BTreeMap<String, Vec<WrittenRow>>,
    violation: Option<String>,
}

impl History {
    /// Notes that something is not as it must be; the first time counts.
    pub(crate) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    /// What is not as it must be.
    pub(crate) fn violation(&self) -> Option<&String> {
        self.violation.as_ref()
    }

    pub(crate) fn now(&self) -> Moment {
        self.moment
    }

    /// Takes in the commits of one write, each as it is read and as it is stored.
    pub(crate) fn append(&mut self, commits: Vec<(Commit, Commit)>) {
        for (commit, stored) in commits {
            self.stored.insert((stored.stream.clone(), stored.first), stored);
            if let Err(violation) = self.append_one(commit) {
                self.violated(violation);
            }
        }
    }

    /// Takes in that a commit was removed from the table, and gives it; `None` if it was not there.
    pub(crate) fn remove(&mut self, stream: &StreamName, first: u64) -> Option<Commit> {
        let place = (stream.clone(), first);
        let commit = self.stored.get(&place)?.clone();
        self.removed.insert(place).then_some(commit)
    }

    /// How many commits are no longer in the table.
    pub(crate) fn removed(&self) -> usize {
        self.removed.len()
    }

    /// Takes in that commits can be seen: those of one write all at once or, where reads are torn,
    /// one by one.
    pub(crate) fn show(&mut self, commits: Vec<Commit>) {
        self.moment += 1;
        for commit in commits {
            self.heads.entry(commit.stream.clone()).or_default().push((self.moment, commit.last()));
            if commit.stream.category() == "names" {
                let holder = Unique::after(&commit).unwrap().holder;
                self.claims.entry(commit.stream.clone()).or_default().push((self.moment, holder));
            }
        }
    }

    fn append_one(&mut self, commit: Commit) -> Result<(), String> {
        let (stream, version) = (commit.stream.clone(), commit.last());
        let before = self.streams.entry(stream.clone()).or_default();
        let head = before.last().map_or(0, Commit::last);
        if commit.first != head + 1 {
            return Err(format!(
                "{stream} has got to {head}, and then a commit begins with {}",
                commit.first
            ));
        }
        if before.last().is_some_and(|last| last.at > commit.at) {
            return Err(format!("{stream}@{} was decided before its predecessor", commit.first));
        }
        before.push(commit.clone());
        self.check_snapshot(&commit)?;
        if is_entity(&stream) {
            let request = commit.metadata.correlation_id.clone();
            let applied = (commit.metadata.commit_id, stream.clone(), version);
            if let Some((_, other, at)) = self.requests.insert(request.clone(), applied) {
                return Err(format!(
                    "the request {request} has had an effect in {other}@{at}, and then in \
                     {stream}@{version}"
                ));
            }
        }
        if stream.category() == THINGS { self.hold_name(&stream) } else { Ok(()) }
    }

    /// A snapshot is the fold of all events before it, by the build that wrote it.
    fn check_snapshot(&self, commit: &Commit) -> Result<(), String> {
        let Some(snapshot) = &commit.snapshot else { return Ok(()) };
        let (stream, version) = (&commit.stream, commit.last());
        let folded = match (stream.category().as_str(), snapshot.revision) {
            (THINGS, 1) => serde_json::to_value(self.state_of::<Thing<1>>(stream, version)),
            (THINGS, _) => serde_json::to_value(self.state_of::<Thing<2>>(stream, version)),
            (_, 1) => serde_json::to_value(self.state_of::<Crate<1>>(stream, version)),
            _ => serde_json::to_value(self.state_of::<Crate<2>>(stream, version)),
        };
        match unmarked(folded.unwrap()) {
            folded if folded == snapshot.state => Ok(()),
            folded => Err(format!(
                "the snapshot of {stream}@{version} is {}, the fold {folded}",
                snapshot.state
            )),
        }
    }

    fn hold_name(&mut self, stream: &StreamName) -> Result<(), String> {
        let state = self.state::<Thing<2>>(stream, u64::MAX);
        let name = state.unique_values().pop().map(|value| value.normalized);
        self.names.retain(|held, holder| holder != stream || name.as_ref() == Some(held));
        let Some(name) = name else { return Ok(()) };
        match self.names.insert(name.clone(), stream.clone()) {
            Some(holder) if holder != *stream => {
                Err(format!("{name} is held by {holder} and by {stream}"))
            }
            _ => Ok(()),
        }
    }

    /// Takes in a page of the change feed, as it is written.
    pub(crate) fn feed(&mut self, at: Duration, first: u64, entries: Vec<(StreamName, u64, u64)>) {
        if first != self.feed.len() as u64 + 1 {
            self.violated(format!(
                "the feed has got to {}, and then a page begins with {first}",
                self.feed.len()
            ));
        }
        for (stream, first, last) in entries {
            let before = self.fed.insert(stream.clone(), last).unwrap_or(0);
            if first != before + 1 || !self.boundaries(&stream).contains(&last) {
                self.violated(format!(
                    "the feed has told of {stream} up to {before}, and then tells of {first} to \
                     {last}"
                ));
            }
            self.feed.push(Fed { stream, last, at });
        }
    }

    /// Takes in a primary row as it is written, whatever generation it is of: it is the fold of all
    /// events up to its version, and never goes back.
    pub(crate) fn row(&mut self, partition: &str, name: &StreamName, row: &Row) {
        let Some(build) = crate::domain::BUILDS
            .into_iter()
            .find(|build| projection(*build, name).is_some_and(|p| p.revision == row.revision))
        else {
            return self.violated(format!("{partition} has the revision {}", row.revision));
        };
        let writes = self.rows.entry(partition.to_owned()).or_default();
        let before = writes.last().map_or(0, |written| written.version);
        writes.push(WrittenRow { version: row.version, build });
        if row.version < before {
            self.violated(format!("{partition} goes back from {before} to {}", row.version));
        }
        match self.row_at(build, name, row.version) {
            Some(expected) if expected == *row => {}
            Some(expected) => self.violated(format!(
                "{partition} is written as {row:?}, but the fold is {expected:?}"
            )),
            None => self.violated(format!(
                "{partition} is written as {row:?} by a build that does not know all events"
            )),
        }
    }

    /// Forgets a row that was deleted with its generation.
    pub(crate) fn forget_row(&mut self, partition: &str) {
        self.rows.remove(partition);
    }

    /// The state of a stream at a version, as the second build knows it: that one knows all events.
    pub(crate) fn state<A: Aggregate>(&self, stream: &StreamName, version: u64) -> A {
        self.state_of(stream, version).unwrap()
    }

    /// The state of a stream at a version; nothing if its build does not know all events.
    fn state_of<A: Aggregate>(&self, stream: &StreamName, version: u64) -> Option<A> {
        let mut folded = Folded::<A>::default();
        for commit in self.commits(stream).iter().filter(|commit| commit.last() <= version) {
            folded.apply_events(commit, u64::MAX).ok()?;
        }
        Some(folded.state)
    }

    /// Whether the names of a stream are forgotten.
    pub(crate) fn is_forgotten(&self, stream: &StreamName) -> bool {
        self.commits(stream).iter().any(|commit| commit.has(FORGOTTEN))
    }

    /// Whether a stream has an event that the first build does not know.
    pub(crate) fn has_newer(&self, stream: &StreamName) -> bool {
        self.commits(stream)
            .iter()
            .flat_map(|commit| &commit.events)
            .any(|event| event.event_type == NEWER)
    }

    /// The row of a stream or of a part as it is at a version of the stream; nothing if it has no
    /// such version.
    pub(crate) fn row_at(&self, build: u32, name: &StreamName, version: u64) -> Option<Row> {
        let projection = projection(build, name)?;
        let source = if projection.parts.is_some() { name.parent()? } else { name.clone() };
        let commits: Vec<Commit> = self
            .commits(&source)
            .iter()
            .filter(|commit| commit.last() <= version)
            .cloned()
            .collect();
        let mut row = (projection.apply)(name, &Row::default(), &commits).ok()?.row;
        // A mark does not know its own.
        row.revision = projection.revision;
        Some(row)
    }

    /// All commits of a stream.
    pub(crate) fn commits(&self, stream: &StreamName) -> &[Commit] {
        self.streams.get(stream).map_or(&[], Vec::as_slice)
    }

    /// All streams that there are.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (&StreamName, &[Commit])> {
        self.streams.iter().map(|(stream, commits)| (stream, commits.as_slice()))
    }

    /// All commits as they are stored, with what is personal sealed.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Commit> {
        self.stored.values()
    }

    /// The versions that a stream has ever had.
    pub(crate) fn boundaries(&self, stream: &StreamName) -> Vec<u64> {
        self.commits(stream).iter().map(Commit::last).collect()
    }

    /// The moments from one to another at which something changed for a stream, with its version
    /// then.
    pub(crate) fn heads_between(
        &self,
        stream: &StreamName,
        start: Moment,
        end: Moment,
    ) -> Vec<(Moment, u64)> {
        let heads = self.heads.get(stream).map_or(&[][..], Vec::as_slice);
        let at_start = heads
            .iter()
            .rev()
            .find(|(moment, _)| *moment <= start)
            .map_or(0, |(_, version)| *version);
        let later = heads.iter().filter(|(moment, _)| (start + 1..=end).contains(moment)).copied();
        [(start, at_start)].into_iter().chain(later).collect()
    }

    /// Whether readers saw a name held by another than this stream at some moment from one to
    /// another; `name` is the name's stream.
    pub(crate) fn was_held_by_another(
        &self,
        name: &StreamName,
        stream: &StreamName,
        start: Moment,
        end: Moment,
    ) -> bool {
        let holders = self.claims.get(name).map_or(&[][..], Vec::as_slice);
        let at_start = holders.iter().rev().find(|(moment, _)| *moment <= start);
        let later = holders.iter().filter(|(moment, _)| (start + 1..=end).contains(moment));
        at_start.into_iter().chain(later).any(|(_, holder)| {
            holder.as_ref().is_some_and(|holder| holder != stream.within_tenant())
        })
    }

    /// What a request led to: a version of a stream.
    pub(crate) fn effect_of(&self, request: &str) -> Option<(&StreamName, u64)> {
        self.requests.get(request).map(|(_, stream, version)| (stream, *version))
    }

    /// What the feed told of a stream up to a position.
    pub(crate) fn fed_at(&self, stream: &StreamName, position: u64) -> u64 {
        let seen = self.feed.iter().take(usize::try_from(position).unwrap_or(usize::MAX));
        seen.filter(|fed| fed.stream == *stream).map(|fed| fed.last).max().unwrap_or(0)
    }

    /// What the feed had told of a stream at a time: its rows were written before that.
    pub(crate) fn fed_by(&self, stream: &StreamName, time: Duration) -> u64 {
        let told = self.feed.iter().take_while(|fed| fed.at <= time);
        told.filter(|fed| fed.stream == *stream).map(|fed| fed.last).max().unwrap_or(0)
    }

    /// The version that readers see a stream at.
    pub(crate) fn seen(&self, stream: &StreamName) -> u64 {
        self.heads.get(stream).and_then(|heads| heads.last()).map_or(0, |(_, version)| *version)
    }

    /// The version up to which a build knows a stream's events.
    pub(crate) fn known_to(&self, build: u32, stream: &StreamName) -> u64 {
        let is_known = |commit: &&Commit| {
            build > 1 || commit.events.iter().all(|event| event.event_type != NEWER)
        };
        self.commits(stream).iter().take_while(is_known).last().map_or(0, Commit::last)
    }

    /// The generations that have rows, as `g1`.
    pub(crate) fn generations(&self) -> BTreeSet<&str> {
        self.rows.keys().filter_map(|partition| Some(partition.split_once('/')?.0)).collect()
    }

    /// How the rows of a generation were written, by name.
    pub(crate) fn rows_of<'a>(
        &'a self,
        generation: &'a str,
    ) -> impl Iterator<Item = (StreamName, &'a [WrittenRow])> {
        self.rows.iter().filter_map(move |(partition, writes)| {
            let (of, name) = partition.split_once('/')?;
            Some((name.parse().ok().filter(|_| of == generation)?, writes.as_slice()))
        })
    }

    /// What a row adds to a line of a table of sums, by name.
    pub(crate) fn added(&self, name: &StreamName, written: WrittenRow, line: &SumKey) -> Amounts {
        let WrittenRow { version, build } = written;
        // A part's row has the version of a commit of its stream.
        let added = || {
            let row = self.row_at(build, name, version)?;
            let mut applied = (projection(build, name)?.apply)(name, &row, &[]).ok()?;
            applied.contributions.remove(line)
        };
        added().unwrap_or_default()
    }

    /// How far the feed has got.
    pub(crate) fn feed_head(&self) -> u64 {
        self.feed.len() as u64
    }

    /// Where a thing stands in a list at a version; nothing if it does not.
    pub(crate) fn place(
        &self,
        build: u32,
        stream: &StreamName,
        version: u64,
        index: &str,
    ) -> Option<String> {
        let row = self.row_at(build, stream, version).filter(|row| row.version > 0)?;
        let keys = (projection(build, stream)?.apply)(stream, &row, &[]).ok()?.keys;
        keys.into_iter().find(|key| key.index == index).map(|key| key.sort)
    }

    /// What the feed tells of a stream now.
    pub(crate) fn fed(&self, stream: &StreamName) -> u64 {
        self.fed.get(stream).copied().unwrap_or(0)
    }

    /// What is wrong with the streams of unique values and of numbers, compared with the streams of
    /// things: for when nothing is under way.
    pub(crate) fn check_companions(&self) -> Result<(), String> {
        let mut held: BTreeMap<String, usize> = BTreeMap::new();
        for (stream, commits) in self.streams().filter(|(stream, _)| stream.category() == "names") {
            if let Some(holder) = Unique::after(commits.last().unwrap())
                .map_err(|error| format!("{stream}: {error}"))?
                .holder
            {
                *held.entry(holder).or_default() += 1;
            }
        }
        let mut numbers = BTreeMap::new();
        for (stream, commits) in self.streams().filter(|(stream, _)| stream.category() == THINGS) {
            let claims = held.remove(stream.within_tenant()).unwrap_or(0);
            let values = self.state::<Thing<2>>(stream, u64::MAX).unique_values().len();
            if claims != values {
                return Err(format!(
                    "{stream} holds {values} names, but {claims} are claimed for it"
                ));
            }
            for event in commits.iter().flat_map(|commit| &commit.events) {
                if let Ok(ThingEvent::Numbered { number }) = decode(event)
                    && let Some(other) = numbers.insert(number, stream.within_tenant().to_owned())
                {
                    return Err(format!("{stream} and {other} both have the number {number}"));
                }
            }
        }
        if let Some(holder) = held.keys().next() {
            return Err(format!("a name is claimed for {holder}, which there is not"));
        }
        let taken = self
            .streams()
            .filter(|(stream, _)| stream.category() == "numbers")
            .flat_map(|(_, commits)| commits);
        let taken = taken.flat_map(|commit| &commit.events).map(|event| {
            let SequenceEvent::NumberTaken { taker } =
                decode(event).map_err(|error| error.to_string())?;
            Ok((event.number, taker))
        });
        let taken = taken.collect::<Result<BTreeMap<u64, String>, String>>()?;
        if taken == numbers {
            Ok(())
        } else {
            Err(format!("the numbers {taken:?} were taken, but things have {numbers:?}"))
        }
    }
}

/// Whether a stream is one of the domain's things, and not one of a unique value or a sequence.
pub(crate) fn is_entity(stream: &StreamName) -> bool {
    stream.domain() == DOMAIN && own_row(projections(1), &stream.category()).is_some()
}

/// What folds the row of this name: a stream's own, or a part's.
pub(crate) fn projection(build: u32, name: &StreamName) -> Option<ProjectionFn> {
    let (all, category) = (projections(build), name.category());
    own_row(all, &category)
        .or_else(|| all.iter().find(|projection| projection.category == category).copied())
}

/// A row as a client is shown it.
pub(crate) fn shown(row: &Row) -> Value {
    row.data.clone()
}
