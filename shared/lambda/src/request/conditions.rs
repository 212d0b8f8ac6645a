//! Headers that name versions: tokens and conditions.

use std::borrow::Cow;
use std::collections::BTreeSet;

use headwater::{
    FeedPosition, IfMatch, IfNoneMatch, InvalidToken, MOST_TOKENS, Position, Token, parse_if_match,
    parse_if_none_match, parse_tags, parse_tokens,
};

use super::Request;
use crate::Problem;
use crate::problem::MALFORMED;

/// The most streams and change feeds that one request may name in all its headers, since each costs
/// a strong read.
const MOST_NAMED: usize = 20;

impl Request {
    /// The condition in `If-Match`, if there is one.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn if_match(&self) -> Result<Option<IfMatch>, Problem> {
        Ok(self
            .list_header("if-match")
            .map(|header| parse_if_match(&header, self.tenant()))
            .transpose()?)
    }

    /// Whether `If-Match` holds for an answer with this tag; so it does if there is none. A
    /// command's tag is that of the same version.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub(crate) fn matches(&self, etag: &str) -> Result<bool, Problem> {
        let Some(header) = self.list_header("if-match") else { return Ok(true) };
        if parse_if_match(&header, self.tenant())? == IfMatch::Exists {
            return Ok(true);
        }
        let version = etag.split_once(';').map_or(etag, |(version, _)| version);
        Ok(parse_tags(&header)?
            .into_iter()
            .any(|tag| !tag.weak && (tag.text == etag || tag.text == version)))
    }

    /// The condition in `If-None-Match`, if there is one.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn if_none_match(&self) -> Result<Option<IfNoneMatch>, Problem> {
        Ok(self
            .list_header("if-none-match")
            .map(|header| parse_if_none_match(&header))
            .transpose()?)
    }

    /// The tokens in `Consistency-Token`, or those that the cursor carries on from the first page.
    ///
    /// # Errors
    /// 400 if one cannot be read, or if there are more than 20.
    pub fn tokens(&self) -> Result<Vec<Token>, Problem> {
        let mut tokens = match self.list_header("consistency-token") {
            Some(header) => parse_tokens(&header, self.tenant())?,
            None => Vec::new(),
        };
        if let Some(carried) = self.cursor()?.tokens {
            let carried = parse_tokens(&carried, self.tenant())?;
            tokens.extend(
                carried.into_iter().filter(|token| !tokens.contains(token)).collect::<Vec<_>>(),
            );
        }
        // More than that no cursor could carry on.
        if tokens.len() > MOST_TOKENS {
            return Err(InvalidToken::TooMany.into());
        }
        Ok(tokens)
    }

    /// The positions of streams in [`Request::tokens`].
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn positions(&self) -> Result<Vec<Position>, Problem> {
        Ok(self.tokens()?.into_iter().flat_map(|token| token.streams).collect())
    }

    /// The positions of change feeds in [`Request::tokens`].
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn feed_positions(&self) -> Result<Vec<FeedPosition>, Problem> {
        Ok(self.tokens()?.into_iter().flat_map(|token| token.feeds).collect())
    }

    /// That all tokens and conditions can be read, and name few streams and feeds in all.
    ///
    /// # Errors
    /// 400 if not.
    pub(crate) fn check_conditions(&self) -> Result<(), Problem> {
        self.if_none_match()?;
        let mut tokens = self.tokens()?;
        if let Some(IfMatch::AnyOf(alternatives)) = self.if_match()? {
            tokens.extend(alternatives);
        }
        let streams = tokens
            .iter()
            .flat_map(|token| &token.streams)
            .map(|position| position.stream.to_string());
        let feeds = tokens
            .iter()
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

    /// A header that is a list, whose fields count as one however many there are (RFC 9110, section
    /// 5.3). What is no UTF-8 is replaced.
    pub(crate) fn list_header(&self, name: &str) -> Option<String> {
        let fields: Vec<Cow<'_, str>> = self
            .headers
            .get_all(name)
            .iter()
            .map(|field| String::from_utf8_lossy(field.as_bytes()))
            .collect();
        (!fields.is_empty()).then(|| fields.join(", "))
    }
}
