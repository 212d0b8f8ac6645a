use std::fmt;
use std::str::FromStr;

use crate::StreamName;

/// The longest token that is read or written, in bytes.
const LONGEST: usize = 512;

/// The largest version that a token can name.
pub const LARGEST_VERSION: u64 = 10_u64.pow(Token::MOST_DIGITS as u32) - 1;

/// Positions that a reader has seen: `acme/identity/users/42@7`, several joined by `+`. It is what
/// an `ETag` and a `Consistency-Token` carry between quotes; for clients it is opaque.
///
/// A query's token ends with [`Rendering`] (`;g1.2.3`), which says how the answer was folded and
/// rendered.
///
/// ```
/// use headwater_core::{StreamName, Token};
///
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// let token = Token::of(&till, 7);
/// assert_eq!(token.to_string(), "acme/shop/tills/front@7");
/// assert_eq!(token.to_string().parse::<Token>()?, token);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// The version of each stream.
    pub streams: Vec<Position>,
    /// The position in each change feed.
    pub feeds: Vec<FeedPosition>,
    /// Which rendering it was; `If-Match` and `Consistency-Token` ignore it.
    pub rendering: Option<Rendering>,
}

/// A stream at a version: `acme/identity/users/42@7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The stream, with its tenant.
    pub stream: StreamName,
    /// The number of its last event, 0 before any.
    pub version: u64,
}

/// A place in the change feed of a tenant's domain: `acme/identity@100`, with `.2` behind it in
/// epoch 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPosition {
    /// The feed's tenant.
    pub tenant: String,
    /// The feed's service, as `identity`.
    pub domain: String,
    /// The number of the last entry seen; 0 before any.
    pub position: u64,
    /// Counts how often the feed was started again, from 1; 1 is not written.
    pub epoch: u32,
}

/// Which build of a view an answer came from (`generation`), and how it was rendered
/// (`representation`) and folded (`fold`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// The generation of the view's rows.
    pub generation: u32,
    /// Raised when the same state is rendered in another way.
    pub representation: u32,
    /// The [`Projection::REVISION`](crate::Projection::REVISION) that folded it. Tags of builds
    /// that did not say it have none.
    pub fold: Option<u32>,
}

/// Why a text is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It is empty.
    #[error("a token is empty")]
    Empty,
    /// Over 512 bytes.
    #[error("a token is longer than {LONGEST} bytes")]
    TooLong,
    /// Not a token that this service wrote.
    #[error("`{0}` is not a token that this service gave")]
    Malformed(String),
}

impl Token {
    /// The most digits of a version or position, so that it is exact in any language's numbers.
    pub const MOST_DIGITS: usize = 15;

    /// The most digits of an epoch, a generation, a representation and a fold.
    pub const MOST_DIGITS_OF_SMALL: usize = 9;

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
    pub fn rendered(mut self, rendering: Rendering) -> Self {
        self.rendering = Some(rendering);
        self
    }

    /// The token as a header carries it, between quotes.
    pub fn quoted(&self) -> String {
        format!("\"{self}\"")
    }

    /// Whether all that it names is this tenant's.
    pub fn is_of(&self, tenant: &str) -> bool {
        self.streams.iter().all(|position| position.stream.tenant() == tenant)
            && self.feeds.iter().all(|feed| feed.tenant == tenant)
    }
}

impl FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let malformed = || InvalidToken::Malformed(text.chars().take(80).collect());
        if text.is_empty() {
            return Err(InvalidToken::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidToken::TooLong);
        }
        let (positions, rendering) = match text.split_once(';') {
            Some((positions, rendering)) => {
                (positions, Some(parse_rendering(rendering).ok_or_else(malformed)?))
            }
            None => (text, None),
        };
        let mut token = Self { rendering, ..Self::default() };
        for position in positions.split('+') {
            let (path, number) = position.split_once('@').ok_or_else(malformed)?;
            match path.parse::<StreamName>() {
                Ok(stream) => {
                    let version = parse_number(number).ok_or_else(malformed)?;
                    token.streams.push(Position { stream, version });
                }
                Err(_) => token.feeds.push(parse_feed(path, number).ok_or_else(malformed)?),
            }
        }
        Ok(token)
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
        match self.rendering {
            Some(rendering) => write!(f, ";{rendering}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Rendering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}.{}", self.generation, self.representation)?;
        self.fold.map_or(Ok(()), |fold| write!(f, ".{fold}"))
    }
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.tenant, self.domain, self.position)?;
        if self.epoch == 1 { Ok(()) } else { write!(f, ".{}", self.epoch) }
    }
}

/// A decimal number as we write it: no sign, no leading zero.
fn parse_number(text: &str) -> Option<u64> {
    let canonical = text.len() <= Token::MOST_DIGITS
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

fn parse_small(text: &str) -> Option<u32> {
    let number = Some(text)
        .filter(|text| text.len() <= Token::MOST_DIGITS_OF_SMALL)
        .and_then(parse_number)?;
    u32::try_from(number).ok().filter(|number| *number > 0)
}

fn parse_feed(path: &str, number: &str) -> Option<FeedPosition> {
    let (tenant, domain) = path.split_once('/')?;
    let (position, epoch) = match number.split_once('.') {
        Some((position, epoch)) => (position, parse_small(epoch).filter(|epoch| *epoch > 1)?),
        None => (number, 1),
    };
    let names_are_valid = crate::stream::is_segment(tenant) && crate::stream::is_segment(domain);
    let position = parse_number(position)?;
    names_are_valid.then(|| FeedPosition {
        tenant: tenant.to_owned(),
        domain: domain.to_owned(),
        position,
        epoch,
    })
}

fn parse_rendering(text: &str) -> Option<Rendering> {
    let (generation, rest) = text.strip_prefix('g')?.split_once('.')?;
    let (representation, fold) = match rest.split_once('.') {
        Some((representation, fold)) => (representation, Some(parse_small(fold)?)),
        None => (rest, None),
    };
    Some(Rendering {
        generation: parse_small(generation)?,
        representation: parse_small(representation)?,
        fold,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_are_written_as_documented() {
        let user = StreamName::new("acme", "identity", "users", "42").unwrap();
        let rendering = Rendering { generation: 1, representation: 2, fold: Some(3) };
        assert_eq!(Token::of(&user, 7).quoted(), r#""acme/identity/users/42@7""#);
        assert_eq!(
            Token::of(&user, 7).rendered(rendering).quoted(),
            r#""acme/identity/users/42@7;g1.2.3""#
        );
        let feed = FeedPosition {
            tenant: "acme".into(),
            domain: "identity".into(),
            position: 100,
            epoch: 2,
        };
        assert_eq!(Token::of_feed(feed).quoted(), r#""acme/identity@100.2""#);
    }

    #[test]
    fn what_is_just_within_the_limits_is_read() {
        let longest =
            format!("{}+acme/a/b/{}@1", vec!["acme/a/b/c@1"; 38].join("+"), "c".repeat(7));
        assert_eq!(longest.len(), LONGEST);
        assert_eq!(longest.parse::<Token>().unwrap().to_string(), longest);
        let user = StreamName::new("acme", "identity", "users", "42").unwrap();
        let at = |version: u64| Token::of(&user, version).to_string().parse::<Token>();
        assert_eq!(at(LARGEST_VERSION), Ok(Token::of(&user, LARGEST_VERSION)));
        assert!(matches!(at(LARGEST_VERSION + 1), Err(InvalidToken::Malformed(_))));
    }

    proptest! {
        /// There is one way to write a token: whatever is accepted is written back the same.
        #[test]
        fn what_is_accepted_is_canonical(
            text in "acme/[a-z]{1,3}(/[a-z]/[a-z0-9]{1,2})?@[0-9+.;g@/]{1,8}",
        ) {
            if let Ok(token) = text.parse::<Token>() {
                // Positions of streams are written before those of feeds, whichever came first.
                if token.streams.is_empty() || token.feeds.is_empty() {
                    prop_assert_eq!(token.to_string(), text);
                }
            }
        }
    }
}
