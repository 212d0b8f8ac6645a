use std::fmt;

use crate::StreamName;

/// The longest token that is read or written, in bytes.
const LONGEST: usize = 512;

/// The most tokens in one header.
pub const MOST_TOKENS: usize = 20;

/// The most digits of a version or position, so that it is exact in any language's numbers.
pub(crate) const MOST_DIGITS: usize = 15;

/// The largest version that a token can name.
pub const LARGEST_VERSION: u64 = 10_u64.pow(MOST_DIGITS as u32) - 1;

/// The most digits of an epoch, a generation and a representation.
pub(crate) const MOST_DIGITS_OF_SMALL: usize = 9;

/// Positions that a reader has seen: `acme/identity/users/42@7`, several joined by `+`. It is what an `ETag` and a
/// `Consistency-Token` carry between quotes; for clients it is opaque.
///
/// A query's token ends with [`Revision`] (`;g1.2`), which says how the answer was rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// How far each stream had got.
    pub streams: Vec<Position>,
    /// How far each change feed had got.
    pub feeds: Vec<FeedPosition>,
    /// Which rendering it was; `If-Match` and `Consistency-Token` ignore it.
    pub revision: Option<Revision>,
}

/// A stream at a version: `acme/identity/users/42@7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which stream.
    pub stream: StreamName,
    /// The number of its last event, from 1.
    pub version: u64,
}

/// A place in the change feed of a tenant's domain: `acme/identity@100`, with `.2` behind it in epoch 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    /// Whose feed.
    pub tenant: String,
    /// Of which service.
    pub domain: String,
    /// The number of the last entry seen; 0 before any.
    pub position: u64,
    /// Counts how often the feed was begun anew, from 1, which is not written.
    pub epoch: u32,
}

/// Which build of a view an answer came from (`generation`) and how it was rendered (`representation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The generation of the view's rows.
    pub generation: u32,
    /// Raised when the same state is rendered in another way.
    pub representation: u32,
}

/// The condition of an `If-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: it exists.
    Exists,
    /// At least one of these tokens describes the present versions. Weak tags never match, so they are not among them.
    AnyOf(Vec<Token>),
}

/// Why a header with tokens was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Not a list of quoted tags.
    #[error("expected quoted tokens separated by commas, as \"t1\", \"t2\"")]
    Unquoted,
    /// Nothing between the quotes, or no tag at all.
    #[error("a token is empty")]
    Empty,
    /// A weak tag where only strong ones make sense.
    #[error("a weak tag is no token")]
    Weak,
    /// Over 512 bytes.
    #[error("a token is longer than {LONGEST} bytes")]
    TooLong,
    /// Over 20 tokens.
    #[error("more than {MOST_TOKENS} tokens")]
    TooMany,
    /// Between the quotes stands something that we never wrote.
    #[error("`{0}` is not a token that this service gave")]
    Malformed(String),
    /// Somebody else's.
    #[error("a token belongs to another tenant")]
    ForeignTenant,
}

impl Token {
    /// The token of one stream.
    pub fn of(stream: &StreamName, version: u64) -> Self {
        Self { streams: vec![Position { stream: stream.clone(), version }], ..Self::default() }
    }

    /// The token of a change feed's position.
    pub fn of_feed(position: FeedPosition) -> Self {
        Self { feeds: vec![position], ..Self::default() }
    }

    /// The token with how the answer was rendered, which makes it a query's.
    #[must_use]
    pub fn rendered(mut self, revision: Revision) -> Self {
        self.revision = Some(revision);
        self
    }

    /// The token as a header carries it, between quotes.
    pub fn quoted(&self) -> String {
        format!("\"{self}\"")
    }

    fn parse(text: &str) -> Result<Self, InvalidToken> {
        let malformed = || InvalidToken::Malformed(text.chars().take(80).collect());
        if text.is_empty() {
            return Err(InvalidToken::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidToken::TooLong);
        }
        let (positions, revision) = match text.split_once(';') {
            Some((positions, revision)) => (positions, Some(parse_revision(revision).ok_or_else(malformed)?)),
            None => (text, None),
        };
        let mut token = Self { revision, ..Self::default() };
        for position in positions.split('+') {
            let (path, number) = position.split_once('@').ok_or_else(malformed)?;
            match path.parse::<StreamName>() {
                Ok(stream) => {
                    let version = parse_number(number).filter(|version| *version > 0).ok_or_else(malformed)?;
                    token.streams.push(Position { stream, version });
                }
                Err(_) => token.feeds.push(parse_feed(path, number).ok_or_else(malformed)?),
            }
        }
        Ok(token)
    }

    fn is_of(&self, tenant: &str) -> bool {
        self.streams.iter().all(|position| position.stream.tenant() == tenant) && self.feeds.iter().all(|feed| feed.tenant == tenant)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for Position { stream, version } in &self.streams {
            write!(f, "{separator}{stream}@{version}")?;
            separator = "+";
        }
        for feed in &self.feeds {
            write!(f, "{separator}{feed}")?;
            separator = "+";
        }
        match self.revision {
            Some(Revision { generation, representation }) => write!(f, ";g{generation}.{representation}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.tenant, self.domain, self.position)?;
        if self.epoch == 1 { Ok(()) } else { write!(f, ".{}", self.epoch) }
    }
}

/// Reads a `Consistency-Token` header: 1 to 20 tokens of this tenant.
///
/// # Errors
/// [`InvalidToken`] for whatever is not exactly that.
pub fn parse_tokens(header: &str, tenant: &str) -> Result<Vec<Token>, InvalidToken> {
    let mut tokens = Vec::new();
    for tag in parse_tags(header)? {
        if tag.weak {
            return Err(InvalidToken::Weak);
        }
        tokens.push(Token::parse(tag.text)?);
    }
    all_of(tokens, tenant)
}

/// Reads an `If-Match` header: `*`, or 1 to 20 tokens of streams of this tenant.
///
/// # Errors
/// [`InvalidToken`] for whatever is not exactly that; the tag of a collection names no stream and so is malformed here.
pub fn parse_if_match(header: &str, tenant: &str) -> Result<IfMatch, InvalidToken> {
    if header.trim() == "*" {
        return Ok(IfMatch::Exists);
    }
    let mut tokens = Vec::new();
    for tag in parse_tags(header)?.into_iter().filter(|tag| !tag.weak) {
        let token = Token::parse(tag.text)?;
        if token.streams.is_empty() || !token.feeds.is_empty() {
            return Err(InvalidToken::Malformed(token.to_string()));
        }
        tokens.push(token);
    }
    all_of(tokens, tenant).map(IfMatch::AnyOf)
}

/// Reads an `If-None-Match` header into the texts between the quotes; `*` stays `*`. The comparison is weak, so `W/` is dropped.
///
/// # Errors
/// [`InvalidToken`] if it is not a list of quoted tags.
pub fn parse_if_none_match(header: &str) -> Result<Vec<String>, InvalidToken> {
    if header.trim() == "*" {
        return Ok(vec!["*".to_owned()]);
    }
    Ok(parse_tags(header)?.into_iter().map(|tag| tag.text.to_owned()).collect())
}

struct Tag<'a> {
    text: &'a str,
    weak: bool,
}

/// The tags of a list as RFC 9110 writes it: `"a", W/"b"`.
fn parse_tags(header: &str) -> Result<Vec<Tag<'_>>, InvalidToken> {
    let mut tags = Vec::new();
    let mut rest = header.trim_matches([' ', '\t']);
    if rest.is_empty() {
        return Err(InvalidToken::Empty);
    }
    loop {
        let weak = rest.starts_with("W/");
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"').ok_or(InvalidToken::Unquoted)?;
        let (text, after) = quoted.split_once('"').ok_or(InvalidToken::Unquoted)?;
        if text.is_empty() {
            return Err(InvalidToken::Empty);
        }
        tags.push(Tag { text, weak });
        if tags.len() > MOST_TOKENS {
            return Err(InvalidToken::TooMany);
        }
        rest = after.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Ok(tags);
        }
        rest = rest.strip_prefix(',').ok_or(InvalidToken::Unquoted)?.trim_start_matches([' ', '\t']);
    }
}

fn all_of(tokens: Vec<Token>, tenant: &str) -> Result<Vec<Token>, InvalidToken> {
    if tokens.iter().all(|token| token.is_of(tenant)) { Ok(tokens) } else { Err(InvalidToken::ForeignTenant) }
}

/// A decimal number as we write it: no sign, no leading zero.
fn parse_number(text: &str) -> Option<u64> {
    let canonical = text.len() <= MOST_DIGITS && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

fn parse_small(text: &str) -> Option<u32> {
    let number = Some(text).filter(|text| text.len() <= MOST_DIGITS_OF_SMALL).and_then(parse_number)?;
    u32::try_from(number).ok().filter(|number| *number > 0)
}

pub(crate) fn parse_feed(path: &str, number: &str) -> Option<FeedPosition> {
    let (tenant, domain) = path.split_once('/')?;
    let (position, epoch) = match number.split_once('.') {
        Some((position, epoch)) => (position, parse_small(epoch).filter(|epoch| *epoch > 1)?),
        None => (number, 1),
    };
    let names_are_valid = crate::stream::is_segment(tenant) && crate::stream::is_segment(domain);
    let position = parse_number(position)?;
    names_are_valid.then(|| FeedPosition { tenant: tenant.to_owned(), domain: domain.to_owned(), position, epoch })
}

fn parse_revision(text: &str) -> Option<Revision> {
    let (generation, representation) = text.strip_prefix('g')?.split_once('.')?;
    Some(Revision { generation: parse_small(generation)?, representation: parse_small(representation)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_read_as_documented() {
        let tokens = parse_tokens(r#""acme/identity/users/42@7", "acme/identity@100""#, "acme").unwrap();
        assert_eq!(tokens[0].streams[0].version, 7);
        assert_eq!(tokens[1].feeds[0], FeedPosition { tenant: "acme".into(), domain: "identity".into(), position: 100, epoch: 1 });
        let composed = parse_tokens(r#""acme/identity/groups/7@2+acme/identity/users/42@7;g1.3""#, "acme").unwrap();
        assert_eq!(composed[0].streams.len(), 2);
        assert_eq!(composed[0].revision, Some(Revision { generation: 1, representation: 3 }));
    }

    #[test]
    fn what_we_never_wrote_is_refused() {
        use InvalidToken::*;
        let long = format!("\"acme/identity/users/{}\"", "x".repeat(600));
        let many = vec!["\"acme/identity@1\""; 21].join(",");
        for (header, expected) in [
            ("", Empty),
            ("  ", Empty),
            ("\"\"", Empty),
            ("v7", Unquoted),
            ("acme/identity/users/42@7", Unquoted),
            ("\"acme/identity@1", Unquoted),
            ("\"acme/identity@1\" \"acme/identity@2\"", Unquoted),
            ("\"acme/identity@1\",", Unquoted),
            (",\"acme/identity@1\"", Unquoted),
            ("W/\"acme/identity@1\"", Weak),
            ("\"other/identity/users/42@7\"", ForeignTenant),
            ("\"other/identity@7\"", ForeignTenant),
            ("\"acme/identity@1+other/identity@7\"", ForeignTenant),
            (&long, TooLong),
            (&many, TooMany),
        ] {
            assert_eq!(parse_tokens(header, "acme").unwrap_err(), expected, "{header}");
        }
        for malformed in [
            "acme",
            "acme@1",
            "acme/identity",
            "acme/identity@",
            "acme/identity@-1",
            "acme/identity@01",
            "acme/identity@1.1",
            "acme/identity@1.0",
            "acme/identity/users/42@0",
            "acme/identity/users/42@+7",
            "acme/identity/users/42@7.2",
            "acme/identity/users/42/members@7",
            "acme/identity/users/42@7;",
            "acme/identity/users/42@7;g1",
            "acme/identity/users/42@7;g0.1",
            "acme/identity/users/42@7;g1.1;g1.1",
            "acme/identity/users/42@7+",
            "acme/identity/users/42@1234567890123456",
            "acme/identity/users/é@7",
            "*",
        ] {
            let refused = parse_tokens(&format!("\"{malformed}\""), "acme");
            assert!(matches!(refused, Err(Malformed(_))), "{malformed}: {refused:?}");
        }
    }

    #[test]
    fn tokens_are_written_as_documented() {
        let user = StreamName::new("acme", "identity", "users", "42").unwrap();
        let revision = Revision { generation: 1, representation: 2 };
        assert_eq!(Token::of(&user, 7).quoted(), r#""acme/identity/users/42@7""#);
        assert_eq!(Token::of(&user, 7).rendered(revision).quoted(), r#""acme/identity/users/42@7;g1.2""#);
        let feed = FeedPosition { tenant: "acme".into(), domain: "identity".into(), position: 100, epoch: 2 };
        assert_eq!(Token::of_feed(feed).quoted(), r#""acme/identity@100.2""#);
    }

    #[test]
    fn what_is_just_within_the_limits_is_read() {
        let longest = format!("{}+acme/a/b/{}@1", vec!["acme/a/b/c@1"; 38].join("+"), "c".repeat(7));
        assert_eq!(longest.len(), LONGEST);
        assert_eq!(parse_tokens(&format!("\"{longest}\""), "acme").unwrap()[0].to_string(), longest);
        let most = vec!["\"acme/identity@1\""; MOST_TOKENS].join(",");
        assert_eq!(parse_tokens(&most, "acme").unwrap().len(), MOST_TOKENS);
        let user = StreamName::new("acme", "identity", "users", "42").unwrap();
        let at = |version: u64| parse_tokens(&Token::of(&user, version).quoted(), "acme");
        assert_eq!(at(LARGEST_VERSION), Ok(vec![Token::of(&user, LARGEST_VERSION)]));
        assert!(matches!(at(LARGEST_VERSION + 1), Err(InvalidToken::Malformed(_))));
    }

    #[test]
    fn if_match_takes_tokens_of_streams_alone() {
        let user = StreamName::new("acme", "identity", "users", "42").unwrap();
        let tokens = parse_if_match("\"acme/identity/users/42@7\", \"acme/identity/users/42@9\"", "acme");
        assert_eq!(tokens, Ok(IfMatch::AnyOf(vec![Token::of(&user, 7), Token::of(&user, 9)])));
        assert!(parse_if_match("\"acme/identity/users/42@7+acme/identity@7\"", "acme").is_err());
    }

    #[test]
    fn if_match_takes_star_and_never_matches_weak_tags() {
        assert_eq!(parse_if_match(" * ", "acme"), Ok(IfMatch::Exists));
        assert_eq!(parse_if_match("W/\"acme/identity/users/42@7\"", "acme"), Ok(IfMatch::AnyOf(vec![])));
        assert!(parse_if_match("\"acme/identity@7\"", "acme").is_err());
        assert!(parse_if_match("*, \"acme/identity/users/42@7\"", "acme").is_err());
    }

    #[test]
    fn if_none_match_compares_weakly() {
        assert_eq!(parse_if_none_match("W/\"a\", \"b\"").unwrap(), ["a", "b"]);
        assert_eq!(parse_if_none_match("*").unwrap(), ["*"]);
        assert!(parse_if_none_match("a").is_err());
    }

    fn segment() -> impl Strategy<Value = String> {
        "[A-Za-z0-9_-]{1,12}"
    }

    prop_compose! {
        fn token()(
            streams in prop::collection::vec((segment(), segment(), 1u64..1_000_000_000), 0..4),
            feed in prop::option::of((segment(), 0u64..1_000_000_000, 1u32..4)),
            rendered in prop::option::of((1u32..9, 1u32..9)),
        ) -> Token {
            let streams = streams.into_iter().map(|(category, id, version)| Position {
                stream: StreamName::new("acme", "identity", &category, &id).unwrap(), version,
            }).collect::<Vec<_>>();
            let feed = feed.or(streams.is_empty().then(|| ("identity".to_owned(), 0, 1)));
            Token {
                feeds: feed.into_iter().map(|(domain, position, epoch)| FeedPosition { tenant: "acme".into(), domain, position, epoch }).collect(),
                revision: rendered.map(|(generation, representation)| Revision { generation, representation }),
                streams,
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(tokens in prop::collection::vec(token(), 1..5)) {
            let header = tokens.iter().map(Token::quoted).collect::<Vec<_>>().join(", ");
            prop_assert_eq!(parse_tokens(&header, "acme").unwrap(), tokens);
        }

        #[test]
        fn nothing_makes_the_parser_panic(header in "\\PC*", tenant in "[a-z]{0,3}") {
            let _ = parse_tokens(&header, &tenant);
            let _ = parse_if_match(&header, &tenant);
            let _ = parse_if_none_match(&header);
        }

        /// There is one way to write a token: whatever is accepted is written back the same.
        #[test]
        fn what_is_accepted_is_canonical(text in "acme/[a-z]{1,3}(/[a-z]/[a-z0-9]{1,2})?@[0-9+.;g@/]{1,8}") {
            if let Ok(tokens) = parse_tokens(&format!("\"{text}\""), "acme") {
                let [token] = tokens.as_slice() else { panic!("one tag, one token") };
                // Positions of streams are written before those of feeds, whichever came first.
                if token.streams.is_empty() || token.feeds.is_empty() {
                    prop_assert_eq!(token.to_string(), text);
                }
            }
        }
    }
}
