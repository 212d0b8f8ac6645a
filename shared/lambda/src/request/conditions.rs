//! Headers that name versions: tokens and conditions.

use std::collections::BTreeSet;

use headwater::{FeedPosition, Position, Token};
use headwater_dynamodb::{IfMatch, IfNoneMatch};
use http::HeaderMap;

use super::cursor::Cursor;
use super::query_string::QueryString;
use super::{Request, list_header};
use crate::Problem;
use crate::problem::MALFORMED;
use crate::tags::{
    InvalidTags, MOST_TOKENS, any_of, parse_if_none_match, parse_tokens, strong_tags,
};

/// The most streams and change feeds that one request may name in all its headers, since each costs
/// a strong read.
const MOST_NAMED: usize = 20;

/// The versions that headers and the cursor name, parsed once a request. Asking for a header that
/// cannot be read is an error.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    /// The condition, and the strong tags that it was read from: also those that are no tokens.
    if_match: Result<(Option<IfMatch>, Vec<String>), Problem>,
    if_none_match: Result<Option<IfNoneMatch>, Problem>,
    cursor: Result<Cursor, Problem>,
    tokens: Result<Vec<Token>, Problem>,
}

impl Conditions {
    /// Those of a request that has none.
    pub(super) fn none() -> Self {
        Self {
            if_match: Ok((None, Vec::new())),
            if_none_match: Ok(None),
            cursor: Ok(Cursor::default()),
            tokens: Ok(Vec::new()),
        }
    }

    pub(super) fn read(headers: &HeaderMap, query: &QueryString, tenant: &str) -> Self {
        let cursor = Cursor::read(query.get("cursor"));
        Self {
            if_match: if_match(headers, tenant).map_err(Problem::from),
            if_none_match: list_header(headers, "if-none-match")
                .map(|header| parse_if_none_match(&header))
                .transpose()
                .map_err(Problem::from),
            tokens: tokens(headers, &cursor, tenant),
            cursor,
        }
    }
}

/// The condition of `If-Match` and its strong tags.
fn if_match(
    headers: &HeaderMap,
    tenant: &str,
) -> Result<(Option<IfMatch>, Vec<String>), InvalidTags> {
    let Some(header) = list_header(headers, "if-match") else { return Ok((None, Vec::new())) };
    Ok(match strong_tags(&header)? {
        None => (Some(IfMatch::Exists), Vec::new()),
        Some(tags) => (Some(any_of(&tags, tenant)), tags.into_iter().map(str::to_owned).collect()),
    })
}

/// The tokens in `Consistency-Token`, and those that the cursor carries on from the first page.
fn tokens(
    headers: &HeaderMap,
    cursor: &Result<Cursor, Problem>,
    tenant: &str,
) -> Result<Vec<Token>, Problem> {
    let mut tokens = match list_header(headers, "consistency-token") {
        Some(header) => parse_tokens(&header, tenant)?,
        None => Vec::new(),
    };
    if let Some(carried) = &cursor.as_ref().map_err(Problem::clone)?.tokens {
        for token in parse_tokens(carried, tenant)? {
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
    }
    // More than that no cursor could carry on.
    if tokens.len() > MOST_TOKENS { Err(InvalidTags::TooMany.into()) } else { Ok(tokens) }
}

impl Request {
    /// The condition in `If-Match`, if there is one.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn if_match(&self) -> Result<Option<&IfMatch>, Problem> {
        let (condition, _) = self.conditions.if_match.as_ref().map_err(Problem::clone)?;
        Ok(condition.as_ref())
    }

    /// Whether `If-Match` holds for an answer with this tag; so it does if there is none. A
    /// command's tag is that of the same version.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub(crate) fn matches(&self, etag: &str) -> Result<bool, Problem> {
        let version = etag.split_once(';').map_or(etag, |(version, _)| version);
        let (condition, tags) = self.conditions.if_match.as_ref().map_err(Problem::clone)?;
        Ok(match condition {
            None | Some(IfMatch::Exists) => true,
            Some(IfMatch::AnyOf(_)) => tags.iter().any(|tag| tag == etag || tag == version),
        })
    }

    /// The condition in `If-None-Match`, if there is one.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn if_none_match(&self) -> Result<Option<&IfNoneMatch>, Problem> {
        self.conditions.if_none_match.as_ref().map(Option::as_ref).map_err(Problem::clone)
    }

    /// Where the list goes on: the `cursor` parameter, or the start.
    ///
    /// # Errors
    /// 400 if it is not one that this service gave.
    pub fn cursor(&self) -> Result<&Cursor, Problem> {
        self.conditions.cursor.as_ref().map_err(Problem::clone)
    }

    /// The tokens in `Consistency-Token`, and those that the cursor carries on from the first page.
    ///
    /// # Errors
    /// 400 if one cannot be read, or if there are more than 20.
    pub fn tokens(&self) -> Result<&[Token], Problem> {
        self.conditions.tokens.as_deref().map_err(Problem::clone)
    }

    /// The positions of streams in [`Request::tokens`].
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn positions(&self) -> Result<Vec<Position>, Problem> {
        Ok(self.tokens()?.iter().flat_map(|token| &token.streams).cloned().collect())
    }

    /// The positions of change feeds in [`Request::tokens`].
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn feed_positions(&self) -> Result<Vec<FeedPosition>, Problem> {
        Ok(self.tokens()?.iter().flat_map(|token| &token.feeds).cloned().collect())
    }

    /// That all tokens and conditions can be read, and name few streams and feeds in all.
    ///
    /// # Errors
    /// 400 if not.
    pub(crate) fn check_conditions(&self) -> Result<(), Problem> {
        self.if_none_match()?;
        let tokens = self.tokens()?;
        let alternatives = match self.if_match()? {
            Some(IfMatch::AnyOf(alternatives)) => alternatives.as_slice(),
            Some(IfMatch::Exists) | None => &[],
        };
        let all = || tokens.iter().chain(alternatives);
        let streams =
            all().flat_map(|token| &token.streams).map(|position| position.stream.to_string());
        let feeds = all()
            .flat_map(|token| &token.feeds)
            .map(|feed| format!("{}/{}", feed.tenant, feed.domain));
        let named = streams.chain(feeds).collect::<BTreeSet<_>>().len();
        if named > MOST_NAMED {
            return Err(Problem::new(
                &MALFORMED,
                format!(
                    "tokens and conditions name {named} streams and feeds, {MOST_NAMED} at most"
                ),
            ));
        }
        Ok(())
    }

    /// A header that has to be readable if it is there.
    ///
    /// # Errors
    /// 400 if it is no text.
    pub fn text_header(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.headers.get(name) {
            None => Ok(None),
            Some(value) => value
                .to_str()
                .map(Some)
                .map_err(|_| Problem::new(&MALFORMED, format!("the header {name} is not ASCII"))),
        }
    }
}
