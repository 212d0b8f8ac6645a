//! What the parsers of names and tokens accept, as regular expressions for the description of
//! calls: ECMA 262, without anchors, for printable ASCII. They do not express whose a token is, and
//! that it has at most 512 bytes.

use headwater::{LONGEST_SEGMENT, Token};

use crate::tags::MOST_TOKENS;

/// A segment of a stream's name, as an id.
pub(crate) fn segment() -> String {
    format!("[A-Za-z0-9_-]{{1,{LONGEST_SEGMENT}}}")
}

/// The name of a stream without its tenant: `identity/groups/7/members/4`.
pub(crate) fn stream_within_tenant() -> String {
    let s = segment();
    format!("{s}/{s}(/{s}(/{s}/{s})*)?")
}

/// A place in a change feed: `acme/identity@100`.
pub(crate) fn feed_position() -> String {
    let (s, number) = (segment(), number());
    let epoch = format!("([2-9]|[1-9][0-9]{{1,{}}})", Token::MOST_DIGITS_OF_SMALL - 1);
    format!("{s}/{s}@{number}(\\.{epoch})?")
}

/// What `Consistency-Token` takes: `"acme/identity/users/42@7", "acme/identity@100"`.
pub(crate) fn tokens() -> String {
    let token = token(&format!("({}|{})", stream_position(), feed_position()));
    list(&format!("\"{token}\""), &format!("{{0,{}}}", MOST_TOKENS - 1))
}

/// What `If-Match` takes: `*`, or up to 20 tags. Those that match are tokens of streams.
pub(crate) fn if_match() -> String {
    format!("(\\*|{})", list(TAG, &format!("{{0,{}}}", MOST_TOKENS - 1)))
}

/// What `If-None-Match` takes: `*`, or tags of any kind.
pub(crate) fn if_none_match() -> String {
    format!("(\\*|{})", list(TAG, "*"))
}

/// Any tag.
const TAG: &str = "(W/)?\"[!#-~]*\"";

fn stream_position() -> String {
    format!("{}/{}@{}", segment(), stream_within_tenant(), number())
}

fn number() -> String {
    format!("(0|[1-9][0-9]{{0,{}}})", Token::MOST_DIGITS - 1)
}

fn token(position: &str) -> String {
    let small = format!("[1-9][0-9]{{0,{}}}", Token::MOST_DIGITS_OF_SMALL - 1);
    format!("{position}(\\+{position})*(;g{small}\\.{small}(\\.{small})?)?")
}

/// A list of a tag and so many further ones. Its elements may be empty.
fn list(tag: &str, further: &str) -> String {
    format!("(,[ \\t]*)*{tag}(([ \\t]*,)+[ \\t]*{tag}){further}([ \\t]*,)*")
}

#[cfg(test)]
mod tests {
    use headwater::{InvalidToken, StreamName};
    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::string::string_regex;
    use regex::Regex;

    use super::*;
    use crate::tags::{InvalidTags, parse_if_match, parse_if_none_match, parse_tokens};

    /// Whether what reads such text takes it.
    type Reads = fn(&str) -> bool;

    /// Each pattern, and what it should agree with.
    fn pairs() -> [(String, Reads); 6] {
        [
            (segment(), headwater::is_segment),
            (stream_within_tenant(), |text| format!("acme/{text}").parse::<StreamName>().is_ok()),
            (feed_position(), |text| {
                text.parse::<Token>().is_ok_and(|token| {
                    let Token { streams, feeds, rendering } = token;
                    (streams.len(), feeds.len(), rendering) == (0, 1, None)
                })
            }),
            (tokens(), |text| is_read(parse_tokens(text, "acme"))),
            (if_match(), |text| is_read(parse_if_match(text, "acme"))),
            (if_none_match(), |text| is_read(parse_if_none_match(text))),
        ]
    }

    /// What a pattern cannot say is no reason to differ.
    fn is_read<T>(read: Result<T, InvalidTags>) -> bool {
        let unsaid = [InvalidTags::ForeignTenant, InvalidTags::Token(InvalidToken::TooLong)];
        read.map_or_else(|error| unsaid.contains(&error), |_| true)
    }

    fn whole(pattern: &str) -> Regex {
        Regex::new(&format!("^({pattern})$")).unwrap()
    }

    /// Short texts that a pattern takes.
    fn matching(pattern: &str) -> impl Strategy<Value = String> + use<> {
        let short = pattern
            .replace(&format!("{{1,{LONGEST_SEGMENT}}}"), "{1,2}")
            .replace(")*", "){0,2}")
            .replace(")+", "){1,2}");
        let short =
            short.replace(&format!("{{0,{}}}", MOST_TOKENS - 1), "{0,2}").replace("]*", "]{0,2}");
        string_regex(&short).unwrap()
    }

    /// The text, or nearly: one character is left out, another one, or there twice.
    fn nearly(text: &str, place: Index, change: u8, other: char) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let place = place.index(characters.len());
        match change {
            0 => drop(characters.remove(place)),
            1 => characters[place] = other,
            2 => characters.insert(place, other),
            _ => characters.insert(place, characters[place]),
        }
        characters.into_iter().collect()
    }

    #[test]
    fn patterns_take_what_is_read_and_nothing_else() {
        for (pattern, reads) in pairs() {
            let whole = whole(&pattern);
            let texts = (matching(&pattern), any::<Index>(), 0u8..4, r#"[/@.+;g,"*W019a!]"#);
            proptest!(|((text, place, change, other) in texts)| {
                prop_assert!(whole.is_match(&text) && reads(&text), "{text}");
                let near = nearly(&text, place, change, other.chars().next().unwrap());
                // White space around a header is none of it.
                prop_assume!(near.trim() == near);
                prop_assert_eq!(whole.is_match(&near), reads(&near), "{}", near);
            });
        }
    }

    #[test]
    fn patterns_have_the_limits_of_what_reads() {
        let [segment, _, position, tokens, ..] = pairs();
        let list = |tags: usize| vec!["\"acme/identity@1\""; tags].join(",");
        let rendered = |digits: usize| format!("\"acme/identity@1;g{}.1\"", "1".repeat(digits));
        for ((pattern, reads), within, beyond) in [
            (&segment, "x".repeat(64), "x".repeat(65)),
            (&position, format!("a/b@{}", "1".repeat(15)), format!("a/b@{}", "1".repeat(16))),
            (&position, format!("a/b@1.{}", "9".repeat(9)), format!("a/b@1.{}", "1".repeat(10))),
            (&tokens, rendered(9), rendered(10)),
            (&tokens, list(20), list(21)),
        ] {
            let whole = whole(pattern);
            assert!(whole.is_match(&within) && reads(&within), "{within}");
            assert!(!whole.is_match(&beyond) && !reads(&beyond), "{beyond}");
        }
    }
}
