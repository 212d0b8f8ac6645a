use headwater::{FeedPosition, Position, Rendering, StreamName};
use proptest::prelude::*;

use super::*;

#[test]
fn tokens_read_as_documented() {
    let tokens =
        parse_tokens(r#""acme/identity/users/42@7", "acme/identity@100""#, "acme").unwrap();
    assert_eq!(tokens[0].streams[0].version, 7);
    assert_eq!(
        tokens[1].feeds[0],
        FeedPosition { tenant: "acme".into(), domain: "identity".into(), position: 100, epoch: 1 }
    );
    let composed =
        parse_tokens(r#""acme/identity/groups/7@2+acme/identity/users/42@7;g1.3""#, "acme")
            .unwrap();
    assert_eq!(composed[0].streams.len(), 2);
    assert_eq!(
        composed[0].rendering,
        Some(Rendering { generation: 1, representation: 3, fold: None })
    );
    let folded = parse_tokens(r#""acme/identity/users/42@7;g1.3.5""#, "acme").unwrap();
    assert_eq!(
        folded[0].rendering,
        Some(Rendering { generation: 1, representation: 3, fold: Some(5) })
    );
}

#[test]
fn what_we_never_wrote_is_refused() {
    use InvalidTags::*;
    let long = format!("\"acme/identity/users/{}\"", "x".repeat(600));
    let many = vec!["\"acme/identity@1\""; 21].join(",");
    for (header, expected) in [
        ("", Empty),
        ("  ", Empty),
        ("\"\"", Token(InvalidToken::Empty)),
        ("v7", Unquoted),
        ("acme/identity/users/42@7", Unquoted),
        ("\"acme/identity@1", Unquoted),
        ("\"acme/identity@1\" \"acme/identity@2\"", Unquoted),
        ("\"acme/identity@1 \"", Unquoted),
        ("W/\"acme/identity@1\"", Weak),
        ("\"other/identity/users/42@7\"", ForeignTenant),
        ("\"other/identity@7\"", ForeignTenant),
        ("\"acme/identity@1+other/identity@7\"", ForeignTenant),
        (&long, Token(InvalidToken::TooLong)),
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
        "acme/identity/users/42@+7",
        "acme/identity/users/42@7.2",
        "acme/identity/users/42/members@7",
        "acme/identity/users/42@7;",
        "acme/identity/users/42@7;g1",
        "acme/identity/users/42@7;g0.1",
        "acme/identity/users/42@7;g1.1;g1.1",
        "acme/identity/users/42@7;g1.1.0",
        "acme/identity/users/42@7;g1.1.",
        "acme/identity/users/42@7;g1.1.1.1",
        "acme/identity/users/42@7+",
        "acme/identity/users/42@1234567890123456",
        "acme/identity/users/é@7",
        "*",
    ] {
        let refused = parse_tokens(&format!("\"{malformed}\""), "acme");
        assert!(
            matches!(refused, Err(Token(InvalidToken::Malformed(_)))),
            "{malformed}: {refused:?}"
        );
    }
}

#[test]
fn twenty_tokens_are_read() {
    let most = vec!["\"acme/identity@1\""; MOST_TOKENS].join(",");
    assert_eq!(parse_tokens(&most, "acme").unwrap().len(), MOST_TOKENS);
}

#[test]
fn empty_elements_of_a_list_are_passed_over() {
    let one = "\"acme/identity/users/42@7\"";
    for list in
        [format!("{one}, "), format!(", {one}"), format!(",,\t{one} , ,"), format!("{one},,{one}")]
    {
        let expected = list.matches('@').count();
        assert_eq!(parse_tokens(&list, "acme").unwrap().len(), expected, "{list}");
        assert!(
            matches!(
                parse_if_match(&list, "acme"),
                Ok(IfMatch::AnyOf(tokens)) if tokens.len() == expected,
            ),
            "{list}"
        );
        assert!(
            matches!(
                parse_if_none_match(&list),
                Ok(IfNoneMatch::NoneOf(tags)) if tags.len() == expected,
            ),
            "{list}"
        );
    }
    for nothing in ["", " ", ",", " , ,"] {
        assert_eq!(parse_tags(nothing), Err(InvalidTags::Empty), "{nothing:?}");
    }
}

#[test]
fn tags_are_quoted_and_hold_what_tags_may_hold() {
    for (list, expected) in [
        ("\"a\"", Ok(vec![("a", false)])),
        ("W/\"a\",\"\"", Ok(vec![("a", true), ("", false)])),
        ("\"a,b\", \"*\"", Ok(vec![("a,b", false), ("*", false)])),
        ("\"\u{fc}\"", Ok(vec![("\u{fc}", false)])),
        ("\"a b\"", Err(InvalidTags::Unquoted)),
        ("\"a\tb\"", Err(InvalidTags::Unquoted)),
        ("\"a\"b\"", Err(InvalidTags::Unquoted)),
        ("\"a\" \"b\"", Err(InvalidTags::Unquoted)),
        ("w/\"a\"", Err(InvalidTags::Unquoted)),
        ("W/ \"a\"", Err(InvalidTags::Unquoted)),
        ("W/", Err(InvalidTags::Unquoted)),
        ("\"a", Err(InvalidTags::Unquoted)),
        ("a", Err(InvalidTags::Unquoted)),
        ("*", Err(InvalidTags::Unquoted)),
        ("*, \"a\"", Err(InvalidTags::Unquoted)),
    ] {
        let tags = parse_tags(list)
            .map(|tags| tags.into_iter().map(|tag| (tag.text, tag.weak)).collect::<Vec<_>>());
        assert_eq!(tags, expected, "{list}");
    }
}

#[test]
fn if_match_takes_any_tags_and_matches_by_tokens_of_our_streams_alone() {
    let user = StreamName::new("acme", "identity", "users", "42").unwrap();
    let any_of = |header: &str| parse_if_match(header, "acme");
    let tokens = any_of("\"acme/identity/users/42@7\", \"acme/identity/users/42@9\"");
    assert_eq!(tokens, Ok(IfMatch::AnyOf(vec![Token::of(&user, 7), Token::of(&user, 9)])));
    for foreign in [
        "\"nonsense\"",
        "\"*\"",
        "\"\"",
        "W/\"acme/identity/users/42@7\"",
        "\"acme/identity@7\"",
        "\"acme/identity/users/42@7+acme/identity@7\"",
        "\"other/identity/users/42@7\"",
        "\"acme/identity/users/42@7+other/identity/users/42@7\"",
        "\"h0123456789abcdef\"",
    ] {
        assert_eq!(any_of(foreign), Ok(IfMatch::AnyOf(vec![])), "{foreign}");
        let list = format!("{foreign}, \"acme/identity/users/42@7\"");
        assert_eq!(any_of(&list), Ok(IfMatch::AnyOf(vec![Token::of(&user, 7)])), "{list}");
    }
    let many = |tags: usize| vec!["\"x\""; tags].join(",");
    assert_eq!(
        (any_of(&many(20)), any_of(&many(21))),
        (Ok(IfMatch::AnyOf(vec![])), Err(InvalidTags::TooMany))
    );
}

#[test]
fn a_stream_without_events_has_a_token() {
    let user = StreamName::new("acme", "identity", "users", "42").unwrap();
    let fresh = Token::of(&user, 0);
    assert_eq!(fresh.quoted(), "\"acme/identity/users/42@0\"");
    assert_eq!(parse_tokens(&fresh.quoted(), "acme"), Ok(vec![fresh.clone()]));
    assert_eq!(parse_if_match(&fresh.quoted(), "acme"), Ok(IfMatch::AnyOf(vec![fresh.clone()])));
    let rendered = fresh.rendered(Rendering { generation: 1, representation: 2, fold: Some(3) });
    assert_eq!(parse_if_match(&rendered.quoted(), "acme"), Ok(IfMatch::AnyOf(vec![rendered])));
}

#[test]
fn only_the_bare_star_is_the_wildcard() {
    assert_eq!(parse_if_match(" * ", "acme"), Ok(IfMatch::Exists));
    assert_eq!(parse_if_none_match("*"), Ok(IfNoneMatch::Absent));
    assert_eq!(parse_if_none_match("\"*\""), Ok(IfNoneMatch::NoneOf(vec!["*".to_owned()])));
    assert!(parse_if_match("*, \"acme/identity/users/42@7\"", "acme").is_err());
    assert!(parse_if_none_match("*, \"a\"").is_err() && parse_if_none_match("**").is_err());
}

#[test]
fn if_none_match_compares_weakly() {
    let condition = parse_if_none_match("W/\"a\", \"b\"").unwrap();
    assert_eq!(condition, IfNoneMatch::NoneOf(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(["a", "b", "c"].map(|tag| condition.names(tag)), [true, true, false]);
    assert!(IfNoneMatch::Absent.names("c"));
    assert!(parse_if_none_match("a").is_err());
}

fn segment() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-]{1,12}"
}

prop_compose! {
    fn token()(
        streams in prop::collection::vec((segment(), segment(), 0u64..1_000_000_000), 0..4),
        feed in prop::option::of((segment(), 0u64..1_000_000_000, 1u32..4)),
        rendered in prop::option::of((1u32..9, 1u32..9, prop::option::of(1u32..9))),
    ) -> Token {
        let streams = streams.into_iter().map(|(category, id, version)| Position {
            stream: StreamName::new("acme", "identity", &category, &id).unwrap(), version,
        }).collect::<Vec<_>>();
        let feed = feed.or(streams.is_empty().then(|| ("identity".to_owned(), 0, 1)));
        Token {
            feeds: feed.into_iter().map(
                |(domain, position, epoch)| FeedPosition {
                    tenant: "acme".into(),
                    domain,
                    position,
                    epoch,
                }
            ).collect(),
            rendering: rendered.map(
                |(generation, representation, fold)| Rendering { generation, representation, fold }
            ),
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
}
