//! Streams, each whole, as a scan brings them; and what is seen of one by itself.

use futures::stream::{self, Stream};
use headwater::{Commit, StreamName};
use headwater_dynamodb::{
    Audited, EventStore, Finding, ItemError, ScanKey, Segment, Selection, Unreadable,
};
use headwater_services::{History, history};

use super::Verifier;
use super::pairs::{Said, Side};
use super::waits::OpenEffect;
use crate::failure::Failure;

/// All items of one partition of the events table.
pub(super) struct Whole {
    /// The stream's name, or what is in its place.
    name: String,
    commits: Vec<Commit>,
    unreadable: Vec<Unreadable>,
}

/// What was seen of one stream.
#[derive(Default)]
pub(super) struct Examined {
    /// Which; nothing if it has no stream's name.
    pub(super) stream: Option<StreamName>,
    pub(super) version: u64,
    pub(super) commits: u64,
    /// What is wrong with its events.
    pub(super) findings: Vec<Finding>,
    /// What is wrong with its rows.
    pub(super) audited: Audited,
    /// What it says of unique values.
    pub(super) unique: Vec<Said<StreamName>>,
    /// What it says of numbers.
    pub(super) numbers: Vec<Said<(StreamName, u64)>>,
    /// Its mails that wait for a person.
    pub(super) waiting: Vec<Finding>,
    /// Its effects outside that are neither carried out nor waiting.
    pub(super) open: Vec<OpenEffect>,
}

impl Whole {
    fn take(&mut self, found: Result<Commit, Unreadable>) {
        match found {
            Ok(commit) => self.commits.push(commit),
            Err(unreadable) => self.unreadable.push(unreadable),
        }
    }
}

/// The streams of a segment, some at a time.
pub(super) fn streams<'a>(
    store: &'a EventStore,
    selection: &'a Selection,
    segment: Segment,
) -> impl Stream<Item = Result<Vec<Whole>, Failure>> + 'a {
    let begin = Some((None::<ScanKey>, None::<Whole>));
    stream::try_unfold(begin, move |state| async move {
        let Some((start, open)) = state else { return Ok(None) };
        let page = store.scan(selection, segment, start.as_ref()).await?;
        let mut whole: Vec<Whole> = open.into_iter().collect();
        for found in page.commits {
            let name = found.as_ref().map_or_else(
                |unreadable| unreadable.stream.as_str(),
                |commit| commit.stream.as_str(),
            );
            if whole.last().is_none_or(|last| last.name != name) {
                whole.push(Whole {
                    name: name.to_owned(),
                    commits: Vec::new(),
                    unreadable: Vec::new(),
                });
            }
            if let Some(last) = whole.last_mut() {
                last.take(found);
            }
        }
        // The last stream of a page may go on with the next.
        let next = page.next.map(|next| (Some(next), whole.pop()));
        Ok(Some((whole, next.map(Some).unwrap_or_default())))
    })
}

impl Verifier {
    /// Looks at a stream's events, compares its rows, and keeps what it says of others.
    pub(super) async fn examine(
        &self,
        Whole { name, commits, unreadable }: Whole,
    ) -> Result<Examined, Failure> {
        let findings = unreadable.into_iter().map(|Unreadable { stream, seq, error }| {
            let (kind, what) = match error {
                ItemError::Archived(what) => ("archive", what),
                error => ("commit", format!("the one at {seq} cannot be read: {error}")),
            };
            Finding { kind, stream, what }
        });
        let mut examined = Examined {
            findings: findings.collect(),
            commits: commits.len() as u64,
            ..Examined::default()
        };
        let Ok(stream) = name.parse::<StreamName>() else { return Ok(examined) };
        if !examined.findings.is_empty() {
            return Ok(Examined { stream: Some(stream), ..examined });
        }
        let History { findings, holds, holder, numbers, .. } =
            history(&self.domains, &stream, &commits);
        examined.findings = findings;
        examined.version = commits.last().map_or(0, Commit::last);
        if let (Some(audit), true) = (self.audit(&stream), examined.findings.is_empty()) {
            examined.audited = audit.stream(&stream, &commits).await?;
        }
        let in_tenant =
            |name: &str| format!("{}/{name}", stream.tenant()).parse::<StreamName>().ok();
        let claimed = holder.and_then(|holder| in_tenant(&holder));
        examined.unique.extend(claimed.map(|who| Said {
            what: stream.clone(),
            side: Side::Value,
            who,
        }));
        for value in self.key.iter().flat_map(|key| {
            holds
                .iter()
                .filter_map(|value| key.stream(stream.tenant(), stream.domain(), value).ok())
        }) {
            examined.unique.push(Said { what: value, side: Side::Thing, who: stream.clone() });
        }
        for number in numbers {
            let side = if number.sequence == stream { Side::Value } else { Side::Thing };
            let who = in_tenant(&number.taker);
            examined.numbers.extend(who.map(|who| Said {
                what: (number.sequence, number.number),
                side,
                who,
            }));
        }
        (examined.waiting, examined.open) = self.effects_of(&commits).await?;
        examined.stream = Some(stream);
        Ok(examined)
    }
}
