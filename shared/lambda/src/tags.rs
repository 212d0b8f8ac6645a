//! Headers that are lists of tags, read as RFC 9110 writes them: lists (5.6.1), entity tags
//! (8.8.3), conditions (13.1).

use std::fmt;

use headwater::{InvalidToken, Token};
use headwater_dynamodb::{IfMatch, IfNoneMatch};

/// The most tokens in one header.
pub(crate) const MOST_TOKENS: usize = 20;

/// An entity tag: `"a"`, or `W/"a"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The text between the quotes.
    pub text: &'a str,
    /// Whether `W/` comes before it.
    pub weak: bool,
}

/// Why a header with tags or tokens was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidTags {
    /// Not a list of quoted tags.
    Unquoted,
    /// No tag at all.
    Empty,
    /// A weak tag where only strong ones make sense.
    Weak,
    /// Over 20 tags.
    TooMany,
    /// A token of another tenant.
    ForeignTenant,
    /// What stands between the quotes is no token.
    Token(InvalidToken),
}

impl fmt::Display for InvalidTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unquoted => {
                f.write_str("expected quoted tokens separated by commas, as \"t1\", \"t2\"")
            }
            Self::Empty => InvalidToken::Empty.fmt(f),
            Self::Weak => f.write_str("a weak tag is no token"),
            Self::TooMany => write!(f, "more than {MOST_TOKENS} tokens"),
            Self::ForeignTenant => f.write_str("a token belongs to another tenant"),
            Self::Token(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for InvalidTags {}

/// Reads a `Consistency-Token` header: 1 to 20 tokens of this tenant.
///
/// ```
/// use headwater_lambda::{InvalidTags, parse_tokens};
///
/// let tokens = parse_tokens(r#""acme/shop/tills/front@7", "acme/shop@100""#, "acme")?;
/// assert_eq!(tokens.len(), 2);
/// let foreign = parse_tokens(r#""acme/shop/tills/front@7""#, "other");
/// assert_eq!(foreign, Err(InvalidTags::ForeignTenant));
/// # Ok::<(), InvalidTags>(())
/// ```
///
/// # Errors
/// [`InvalidTags`] for whatever is not exactly that.
pub fn parse_tokens(header: &str, tenant: &str) -> Result<Vec<Token>, InvalidTags> {
    let mut tokens: Vec<Token> = Vec::new();
    for tag in few(parse_tags(header)?)? {
        if tag.weak {
            return Err(InvalidTags::Weak);
        }
        tokens.push(tag.text.parse().map_err(InvalidTags::Token)?);
    }
    if tokens.iter().all(|token| token.is_of(tenant)) {
        Ok(tokens)
    } else {
        Err(InvalidTags::ForeignTenant)
    }
}

/// Reads an `If-Match` header: `*`, or 1 to 20 tags. Those that are no tokens of this tenant's
/// streams match nothing.
///
/// ```
/// use headwater_dynamodb::IfMatch;
/// use headwater_lambda::{InvalidTags, parse_if_match};
///
/// assert_eq!(parse_if_match("*", "acme")?, IfMatch::Exists);
/// assert_eq!(parse_if_match(r#""acme/shop/tills/front@7""#, "other")?, IfMatch::AnyOf(vec![]));
/// # Ok::<(), InvalidTags>(())
/// ```
///
/// # Errors
/// [`InvalidTags`] if it is neither.
pub fn parse_if_match(header: &str, tenant: &str) -> Result<IfMatch, InvalidTags> {
    Ok(match strong_tags(header)? {
        None => IfMatch::Exists,
        Some(tags) => any_of(&tags, tenant),
    })
}

/// The strong tags of an `If-Match` header; `None` if it is `*`.
pub(crate) fn strong_tags(header: &str) -> Result<Option<Vec<&str>>, InvalidTags> {
    if is_wildcard(header) {
        return Ok(None);
    }
    let tags = few(parse_tags(header)?)?.into_iter();
    Ok(Some(tags.filter(|tag| !tag.weak).map(|tag| tag.text).collect()))
}

/// The condition that these tags are.
pub(crate) fn any_of(strong_tags: &[&str], tenant: &str) -> IfMatch {
    let tokens = strong_tags.iter().filter_map(|tag| tag.parse::<Token>().ok());
    let of_streams = tokens
        .filter(|token| token.feeds.is_empty() && !token.streams.is_empty() && token.is_of(tenant));
    IfMatch::AnyOf(of_streams.collect())
}

/// Reads an `If-None-Match` header: `*`, or tags of any kind.
///
/// ```
/// use headwater_dynamodb::IfNoneMatch;
/// use headwater_lambda::{InvalidTags, parse_if_none_match};
///
/// assert_eq!(parse_if_none_match("*")?, IfNoneMatch::Absent);
/// assert_eq!(parse_if_none_match(r#"W/"a""#)?, IfNoneMatch::NoneOf(vec!["a".to_owned()]));
/// # Ok::<(), InvalidTags>(())
/// ```
///
/// # Errors
/// [`InvalidTags`] if it is neither.
pub fn parse_if_none_match(header: &str) -> Result<IfNoneMatch, InvalidTags> {
    if is_wildcard(header) {
        return Ok(IfNoneMatch::Absent);
    }
    Ok(IfNoneMatch::NoneOf(
        parse_tags(header)?.into_iter().map(|tag| tag.text.to_owned()).collect(),
    ))
}

/// Reads a list of tags: `"a", W/"b"`. Empty elements are passed over, but there must be a tag.
///
/// ```
/// use headwater_lambda::{InvalidTags, Tag, parse_tags};
///
/// let tags = parse_tags(r#""a", W/"b""#)?;
/// assert_eq!(tags, [Tag { text: "a", weak: false }, Tag { text: "b", weak: true }]);
/// # Ok::<(), InvalidTags>(())
/// ```
///
/// # Errors
/// [`InvalidTags::Empty`] if there is no tag, [`InvalidTags::Unquoted`] for what is no list of
/// tags.
pub fn parse_tags(header: &str) -> Result<Vec<Tag<'_>>, InvalidTags> {
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
            .ok_or(InvalidTags::Unquoted)?;
        let (text, after) = quoted.split_once('"').ok_or(InvalidTags::Unquoted)?;
        if text.contains(|c: char| c <= ' ' || c == '\u{7f}') {
            return Err(InvalidTags::Unquoted);
        }
        tags.push(Tag { text, weak });
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(InvalidTags::Unquoted);
        }
    }
    if tags.is_empty() { Err(InvalidTags::Empty) } else { Ok(tags) }
}

/// Only the bare `*` stands for any tag; `"*"` is a tag as any other.
fn is_wildcard(header: &str) -> bool {
    header.trim_matches([' ', '\t']) == "*"
}

fn few(tags: Vec<Tag<'_>>) -> Result<Vec<Tag<'_>>, InvalidTags> {
    if tags.len() > MOST_TOKENS { Err(InvalidTags::TooMany) } else { Ok(tags) }
}

#[cfg(test)]
mod tests;
