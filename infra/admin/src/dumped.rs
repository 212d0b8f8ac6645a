//! A dump as `restore` reads it: a commit a line, streams in order of name, the commits of each in
//! order and without a gap.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::iter::Peekable;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use headwater::{Commit, Domains, StreamName, UniqueKey, UniqueKeyEvent, decode};
use headwater_services::{effects, unknown_effect};
use jiff::Timestamp;

/// How many commits are taken together at most.
const MOST_COMMITS: usize = 100;

/// How long the lines taken together are at most, but for one.
const MOST_BYTES: usize = 1 << 20;

/// What a dump that is in order holds.
#[derive(Default)]
pub(crate) struct Checked {
    pub(crate) commits: u64,
    /// The handlers of the effects that its events ask for.
    pub(crate) handlers: BTreeSet<&'static str>,
    /// The fingerprint of the key that names its unique values, if it tells.
    pub(crate) fingerprint: Option<String>,
}

/// Commits of one stream that follow each other.
pub(crate) struct Batch {
    pub(crate) stream: StreamName,
    pub(crate) commits: Vec<Commit>,
}

/// Reads all of a dump, and says what is wrong with it if anything is.
pub(crate) fn check(domains: &Domains, file: &Path) -> Result<Checked> {
    let mut checked = Checked::default();
    let mut previous: Option<Commit> = None;
    for (number, line) in (1..).zip(lines(file)?) {
        let commit = line
            .and_then(|line| read(&line))
            .and_then(|commit| follows(previous.as_ref(), &commit).map(|()| commit));
        let commit = commit.and_then(|commit| has_known_effects(domains, &commit).map(|()| commit));
        let commit = commit
            .with_context(|| format!("line {number} of {}; nothing was written", file.display()))?;
        checked.commits += 1;
        if let Some(event) =
            commit.events.last().filter(|_| commit.stream.as_str() == UniqueKey::STREAM)
        {
            let UniqueKeyEvent::UniqueKeyAdopted { fingerprint } = decode(event)?;
            checked.fingerprint = Some(fingerprint);
        }
        checked.handlers.extend(effects(domains, &commit).map(|(handler, _)| handler));
        previous = Some(commit);
    }
    Ok(checked)
}

/// Whether a commit may stand after another.
fn follows(previous: Option<&Commit>, commit: &Commit) -> Result<()> {
    let Commit { stream, first, at, .. } = commit;
    let (version, since) = match previous {
        Some(previous) if previous.stream == *stream => (previous.last(), previous.at),
        Some(previous) if previous.stream > *stream => {
            bail!("{stream} comes after {}: streams must be in order of name", previous.stream)
        }
        _ => (0, Timestamp::MIN),
    };
    ensure!(
        *first == version + 1,
        "{stream} continues with event {first}, but {} is missing",
        version + 1
    );
    ensure!(
        *at >= since,
        "the commit with event {first} of {stream} was decided before the one before it"
    );
    Ok(())
}

/// Whether this build knows what a commit asks of the world outside, which is not to be done again.
fn has_known_effects(domains: &Domains, commit: &Commit) -> Result<()> {
    match unknown_effect(domains, commit) {
        Some(newer) => {
            bail!("{}: {newer}, which may ask for a mail: restore with that build", commit.stream)
        }
        None => Ok(()),
    }
}

fn read(line: &str) -> Result<Commit> {
    let commit: Commit = serde_json::from_str(line).context("it is not a commit")?;
    let mut numbered = (0..).zip(&commit.events);
    let is_numbered =
        numbered.all(|(place, event)| commit.first.checked_add(place) == Some(event.number));
    ensure!(
        is_numbered && !commit.events.is_empty(),
        "its events are not numbered from {} on",
        commit.first
    );
    ensure!(
        Timestamp::from_millisecond(commit.at.as_millisecond())? == commit.at,
        "its time is not one to the millisecond"
    );
    Ok(Commit { snapshot: None, ..commit })
}

fn lines(file: &Path) -> Result<impl Iterator<Item = Result<String>>> {
    let wrong = || format!("cannot read {}", file.display());
    let lines: Lines<_> = BufReader::new(File::open(file).with_context(wrong)?).lines();
    let wrong = wrong();
    Ok(lines.map(move |line| line.with_context(|| wrong.clone())))
}

/// The commits of a dump that is in order, in pieces.
pub(crate) fn batches(file: &Path) -> Result<impl Iterator<Item = Result<Batch>>> {
    let mut commits =
        lines(file)?.map(|line| line.and_then(|line| Ok((line.len(), read(&line)?)))).peekable();
    Ok(std::iter::from_fn(move || batch(&mut commits).transpose()))
}

fn batch(
    commits: &mut Peekable<impl Iterator<Item = Result<(usize, Commit)>>>,
) -> Result<Option<Batch>> {
    let Some(first) = commits.next() else { return Ok(None) };
    let (mut bytes, first) = first?;
    let mut batch = Batch { stream: first.stream.clone(), commits: vec![first] };
    while batch.commits.len() < MOST_COMMITS {
        let fits = |next: &Result<(usize, Commit)>| {
            next.as_ref()
                .is_ok_and(|(size, next)| next.stream == batch.stream && bytes + size <= MOST_BYTES)
        };
        let Some((size, commit)) = commits.next_if(fits).transpose()? else { break };
        bytes += size;
        batch.commits.push(commit);
    }
    Ok(Some(batch))
}
