//! By the customer's log: bounded work, however many licences the customer ever had.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream, try_join};
use headwater::{Commit, Position, StreamName};
use headwater_dynamodb::{EventStore, LogPlace, Logged, ReadError, Views};
use headwater_lambda::Problem;
use headwater_lambda::problem::NOT_CAUGHT_UP;
use jiff::Timestamp;

use super::{After, Place, Read, placed};

/// How many commits on playback are read before it is looked whether they suffice: some 6 MB, if
/// each is as large as can be.
const AT_ONCE: usize = 16;

/// After so many streams on playback were opened, or so many bytes of events read, no more are.
const MOST_OPENED: usize = 48;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// How many commits the views may lack of what a token names.
const MOST_LACKING: u32 = 200;

/// What part of a dump is wanted.
pub(super) struct Wanted<'a> {
    /// Whose.
    pub(super) customer: &'a StreamName,
    /// The version of the customer's stream.
    pub(super) head: u64,
    /// Only what is behind.
    pub(super) after: &'a After,
    /// At least so many events, if there are as many and they are not too much.
    pub(super) limit: usize,
    /// What tokens name.
    pub(super) named: Vec<Position>,
}

impl Wanted<'_> {
    pub(super) async fn read(mut self, store: &EventStore, views: &Views) -> Result<Read, Problem> {
        let named = std::mem::take(&mut self.named);
        // Before the log: what the rows have by then is in it.
        let lacking = self.lacking(store, views, named).await?;
        let (own, mut read) = try_join!(self.own(store), self.playback(store, views))?;
        read.events.extend(placed(&lacking));
        let end = own.last().filter(|last| last.last() < self.head).and_then(last_place);
        read.events.extend(placed(&own));
        read.whole_to = [end, read.whole_to].into_iter().flatten().min();
        Ok(read)
    }

    /// The commits that come next in the customer's stream.
    async fn own(&self, store: &EventStore) -> Result<Vec<Commit>, Problem> {
        let most = u32::try_from(self.limit + 1).unwrap_or(u32::MAX);
        Ok(store.commits_page(self.customer, self.after.own, most).await?)
    }

    /// What the log names next, with the events.
    async fn playback(&self, store: &EventStore, views: &Views) -> Result<Read, Problem> {
        let place = self.after.place.as_ref().map(|place| self.in_log(place)).transpose()?;
        let after = place.as_ref().map(|(at, stream, number)| LogPlace {
            at: *at,
            stream,
            number: *number,
        });
        let named = views.log(self.customer, after, self.limit + 1).await?;
        let mut read = Read::default();
        let (mut opened, mut bytes, mut last) = (0, 0, None);
        for logged in named.chunks(AT_ONCE) {
            let runs = runs(logged);
            opened += runs.len();
            let reads = runs.into_iter().map(|run| run.read(store));
            let commits: Vec<Vec<Commit>> =
                stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
            for (place, view) in commits.iter().flat_map(|commits| placed(commits)) {
                bytes += view.event.data.to_string().len();
                read.events.insert(place, view);
            }
            last = logged.last();
            if opened > MOST_OPENED || bytes > MOST_BYTES {
                break;
            }
        }
        if named.len() > self.limit || last != named.last() {
            read.whole_to = last.map(|Logged { stream, at, last, .. }| Place {
                at: at.as_millisecond(),
                stream: stream.within_tenant().to_owned(),
                number: *last,
            });
        }
        Ok(read)
    }

    /// A place of the dump as one of the log.
    fn in_log(&self, place: &Place) -> Result<(Timestamp, StreamName, u64), Problem> {
        let at = Timestamp::from_millisecond(place.at);
        let stream = format!("{}/{}", self.customer.tenant(), place.stream).parse();
        match (at, stream) {
            (Ok(at), Ok(stream)) => Ok((at, stream, place.number)),
            _ => Err(ReadError::Cursor.into()),
        }
    }

    /// What the rows of playback lack of what tokens name: so that whoever reported something finds
    /// it, wherever the projector is.
    async fn lacking(
        &self,
        store: &EventStore,
        views: &Views,
        named: Vec<Position>,
    ) -> Result<Vec<Commit>, Problem> {
        let mut furthest: BTreeMap<StreamName, u64> = BTreeMap::new();
        for Position { stream, version } in named {
            if stream.parent().as_ref() == Some(self.customer) {
                let known = furthest.entry(stream).or_default();
                *known = version.max(*known);
            }
        }
        let mut commits = Vec::new();
        for (stream, version) in furthest {
            let row = views.status(&stream).await.map_err(Problem::from)?.version;
            if row >= version {
                continue;
            }
            let lacking = store.commits_page(&stream, row, MOST_LACKING).await?;
            if lacking.last().map_or(row, Commit::last) < version {
                let head = store.head(&stream).await?;
                if head < version {
                    return Err(ReadError::Ahead { stream, head }.into());
                }
                let behind = format!("the views have got to {row} of {}", stream.within_tenant());
                return Err(Problem::new(&NOT_CAUGHT_UP, behind));
            }
            commits.extend(lacking);
        }
        Ok(commits)
    }
}

/// Commits of one stream that follow each other: the numbers with which the first and the last of
/// them begin.
struct Run {
    stream: StreamName,
    first: u64,
    last: u64,
}

/// The log has each commit of a stream, so those that it names follow each other.
fn runs(logged: &[Logged]) -> Vec<Run> {
    let mut runs: BTreeMap<&StreamName, (u64, u64)> = BTreeMap::new();
    for Logged { stream, first, .. } in logged {
        runs.entry(stream).or_insert((*first, *first)).1 = *first;
    }
    runs.into_iter()
        .map(|(stream, (first, last))| Run { stream: stream.clone(), first, last })
        .collect()
}

impl Run {
    /// One query, or one for each MB.
    async fn read(mut self, store: &EventStore) -> Result<Vec<Commit>, Problem> {
        let mut commits = Vec::new();
        loop {
            let more = store.commits_in(&self.stream, self.first..=self.last).await?;
            let Some(last) = more.last() else { return Ok(commits) };
            self.first = last.last() + 1;
            commits.extend(more);
            if self.first > self.last {
                return Ok(commits);
            }
        }
    }
}

fn last_place(commit: &Commit) -> Option<Place> {
    placed(std::slice::from_ref(commit)).last().map(|(place, _)| place)
}
