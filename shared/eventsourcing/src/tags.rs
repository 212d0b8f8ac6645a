//! Headers that are lists of tags, read as RFC 9110 writes them: lists (5.6.1), entity tags
//! (8.8.3), conditions (13.1).

use crate::token::MOST_TOKENS;
use crate::{InvalidToken, Token};

/// The condition of an `If-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: it exists.
    Exists,
    /// At least one of these tokens describes the present versions. Tags that can describe none, as
    /// those that are weak or are no tokens of ours, are not among them.
    AnyOf(Vec<Token>),
}

/// The condition of an `If-None-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfNoneMatch {
    /// `*`: it does not exist.
    Absent,
    /// None of these is the present tag: the texts between the quotes. The comparison is weak, so
    /// that `W/` is left out.
    NoneOf(Vec<String>),
}

/// An entity tag: `"a"`, or `W/"a"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// What stands between the quotes.
    pub text: &'a str,
    /// Whether `W/` stands before it.
    pub weak: bool,
}

impl IfNoneMatch {
    /// Whether the condition fails for what exists and has this tag.
    pub fn names(&self, present: &str) -> bool {
        match self {
            Self::Absent => true,
            Self::NoneOf(tags) => tags.iter().any(|tag| tag == present),
        }
    }
}

/// Reads a `Consistency-Token` header: 1 to 20 tokens of this tenant.
///
/// # Errors
/// [`InvalidToken`] for whatever is not exactly that.
pub fn parse_tokens(header: &str, tenant: &str) -> Result<Vec<Token>, InvalidToken> {
    let mut tokens = Vec::new();
    for tag in few(parse_tags(header)?)? {
        if tag.weak {
            return Err(InvalidToken::Weak);
        }
        tokens.push(Token::parse(tag.text)?);
    }
    if tokens.iter().all(|token| token.is_of(tenant)) {
        Ok(tokens)
    } else {
        Err(InvalidToken::ForeignTenant)
    }
}

/// Reads an `If-Match` header: `*`, or 1 to 20 tags. Those that are no tokens of this tenant's
/// streams match nothing.
///
/// # Errors
/// [`InvalidToken`] if it is neither.
pub fn parse_if_match(header: &str, tenant: &str) -> Result<IfMatch, InvalidToken> {
    if is_wildcard(header) {
        return Ok(IfMatch::Exists);
    }
    let strong = few(parse_tags(header)?)?.into_iter().filter(|tag| !tag.weak);
    let tokens = strong.filter_map(|tag| Token::parse(tag.text).ok());
    let of_streams = tokens
        .filter(|token| token.feeds.is_empty() && !token.streams.is_empty() && token.is_of(tenant));
    Ok(IfMatch::AnyOf(of_streams.collect()))
}

/// Reads an `If-None-Match` header: `*`, or tags of any kind.
///
/// # Errors
/// [`InvalidToken`] if it is neither.
pub fn parse_if_none_match(header: &str) -> Result<IfNoneMatch, InvalidToken> {
    if is_wildcard(header) {
        return Ok(IfNoneMatch::Absent);
    }
    Ok(IfNoneMatch::NoneOf(
        parse_tags(header)?.into_iter().map(|tag| tag.text.to_owned()).collect(),
    ))
}

/// Reads a list of tags: `"a", W/"b"`. Empty elements are passed over, but there must be a tag.
///
/// # Errors
/// [`InvalidToken::Empty`] if there is no tag, [`InvalidToken::Unquoted`] for what is no list of
/// tags.
pub fn parse_tags(header: &str) -> Result<Vec<Tag<'_>>, InvalidToken> {
    let mut tags = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            break;
        }
        let weak = rest.starts_with("W/");
        let quoted = rest
            .strip_prefix("W/")
            .unwrap_or(rest)
            .strip_prefix('"')
            .ok_or(InvalidToken::Unquoted)?;
        let (text, after) = quoted.split_once('"').ok_or(InvalidToken::Unquoted)?;
        if text.contains(|c: char| c <= ' ' || c == '\u{7f}') {
            return Err(InvalidToken::Unquoted);
        }
        tags.push(Tag { text, weak });
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(InvalidToken::Unquoted);
        }
    }
    if tags.is_empty() { Err(InvalidToken::Empty) } else { Ok(tags) }
}

/// Only the bare `*` stands for any tag; `"*"` is a tag as any other.
fn is_wildcard(header: &str) -> bool {
    header.trim_matches([' ', '\t']) == "*"
}

fn few(tags: Vec<Tag<'_>>) -> Result<Vec<Tag<'_>>, InvalidToken> {
    if tags.len() > MOST_TOKENS { Err(InvalidToken::TooMany) } else { Ok(tags) }
}

#[cfg(test)]
mod tests;
