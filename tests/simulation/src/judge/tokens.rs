//! What tokens stand for, and what may be expected without one.

use headwater::{FeedPosition, Position, StreamName, Token};
use headwater_dynamodb::IfMatch;
use headwater_lambda::{Answer, parse_if_match, parse_tokens};

use super::{Case, Verdict, header};
use crate::cloud::LONGEST_LAG;
use crate::domain::TENANT;
use crate::history::History;
use crate::service::Headers;

impl Case<'_> {
    /// The version of a stream that the answer must have got to: what the request's tokens demand;
    /// and without any what the feed had told of so long before the request that each replica has
    /// it. Of that a build shows what comes before the first event that it does not know.
    pub(super) fn least(&self, stream: &StreamName) -> Result<u64, String> {
        let tokens = parse(&self.asked.headers.tokens.join(","))?;
        let settled = self.asked.at.checked_sub(LONGEST_LAG);
        let settled = settled.map_or(0, |time| self.history.fed_by(stream, time));
        let settled = settled.min(self.history.known_to(self.build, stream));
        Ok(demanded(self.history, &tokens, stream).max(settled))
    }

    /// What the answer's own token claims: no feed has got further.
    pub(super) fn promised(&self) -> Result<Vec<Token>, String> {
        let promised = parse(&header(self.answer, "consistency-token"))?;
        let feeds = || promised.iter().flat_map(|token| &token.feeds);
        if feeds().any(|feed| feed.position > self.history.feed_head()) {
            return Err("the answer's token is ahead of the feed".to_owned());
        }
        Ok(promised)
    }

    /// Whether a stream waits for a build that knows its events.
    pub(super) fn is_newer_somewhere(&self) -> bool {
        self.history.streams().any(|(stream, _)| self.history.has_newer(stream))
    }
}

/// An answer's tokens name the version of its stream that it shows, no more and no less.
pub(super) fn is_told(answer: &Answer, stream: &StreamName, version: u64) -> Verdict {
    let expected = format!("{stream}@{version}");
    for name in ["consistency-token", "etag"] {
        let told = header(answer, name);
        let told = told.trim_matches('"').split(';').next().unwrap_or_default();
        if told != expected {
            return Err(format!("it shows {expected}, and its {name} says {told}"));
        }
    }
    Ok(())
}

pub(super) fn condition(headers: &Headers) -> Result<Option<IfMatch>, String> {
    headers
        .if_match
        .as_ref()
        .map(|header| parse_if_match(header, TENANT))
        .transpose()
        .map_err(|error| error.to_string())
}

/// The version of a stream that tokens stand for.
pub(super) fn demanded(history: &History, tokens: &[Token], stream: &StreamName) -> u64 {
    let named = tokens
        .iter()
        .flat_map(|token| &token.streams)
        .filter(|Position { stream: named, .. }| named == stream);
    let fed = tokens
        .iter()
        .flat_map(|token| &token.feeds)
        .map(|FeedPosition { position, .. }| history.fed_at(stream, *position));
    named.map(|position| position.version).chain(fed).max().unwrap_or(0)
}

fn parse(tokens: &str) -> Result<Vec<Token>, String> {
    if tokens.is_empty() {
        Ok(Vec::new())
    } else {
        parse_tokens(tokens, TENANT).map_err(|error| error.to_string())
    }
}
