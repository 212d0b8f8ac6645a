use proptest::prelude::*;

use super::*;

#[test]
fn a_line_is_one_visible_line() {
    for bad in [
        "",
        " ",
        " a",
        "a ",
        "a\u{2003}",
        "a\nb",
        "a\tb",
        "a\0b",
        "a\u{85}b",
        "\u{200b}",
        "\u{3164}",
        "\u{2800}",
        "\u{202e}",
    ] {
        assert!(line(bad, 100).is_err(), "{bad:?}");
    }
    for good in ["a", "a b", "Łukasz O'Neil", "李小龍", "👩\u{200d}🚀", "a\u{200b}da"] {
        assert!(line(good, 100).is_ok(), "{good:?}");
    }
    assert!(text("a\nb", 3).is_ok());
}

#[test]
fn limits_are_in_characters() {
    assert!(line(&"語".repeat(200), 200).is_ok());
    assert!(line(&"語".repeat(201), 200).is_err());
}

#[test]
fn lines_have_tabs_and_line_ends_and_no_other_control_characters() {
    for good in ["a", "a\nb", "a\r\n\tb"] {
        assert_eq!(lines(good, 10), Ok(()), "{good:?}");
    }
    for bad in ["", "a\0b", "a\u{85}b", "a\n", &"a".repeat(11)] {
        assert!(lines(bad, 10).is_err(), "{bad:?}");
    }
}

#[test]
fn a_text_knows_its_limits() {
    fn fault<L: Limits>(text: &str) -> Option<String> {
        Text::<L>::from(text).check().err()
    }
    let text_of_2 = Some("must have 1 to 2 characters".to_owned());
    assert_eq!((fault::<Line<2>>("ab"), fault::<Line<2>>("abc")), (None, text_of_2.clone()));
    assert_eq!((fault::<Lines<2>>("語語"), fault::<Lines<2>>("")), (None, text_of_2));
    assert!(fault::<Line<9>>("a\nb").is_some() && fault::<Lines<9>>("a\nb").is_none());
    assert_eq!(
        fault::<Line<2, 2>>("é語"),
        Some("must have at most 2 bytes in UTF-8".to_owned()),
        "bytes are limited besides"
    );
    assert_eq!((fault::<UpTo<2>>(""), fault::<UpTo<2>>(" \0")), (None, None));
    assert_eq!(fault::<UpTo<2>>("abc"), Some("must have at most 2 characters".to_owned()));
    assert_eq!(fault::<Segment>("a/b"), Some("must be 1 to 64 of A-Z a-z 0-9 _ -".to_owned()));
    assert_eq!((fault::<Email>("a@b"), fault::<Segment>(&"x".repeat(64))), (None, None));
    assert!(fault::<Email>("a").is_some());
}

/// JSON schema cannot say all that a text may not hold, but nothing else than what is so.
#[test]
fn the_schema_of_a_text_is_that_of_its_limits() {
    fn schema<L: Limits>() -> serde_json::Value {
        serde_json::to_value(<Text<L> as utoipa::PartialSchema>::schema()).unwrap()
    }
    let line = "characters, of which one is seen, no control characters, no white space at the \
                ends.";
    assert_eq!(
        schema::<Line<100>>(),
        serde_json::json!({
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "description": format!("1–100 {line}"),
        })
    );
    assert_eq!(
        schema::<Line<5_000, 12_345_678>>()["description"],
        "1–5,000 characters, of which one is seen, at most 12,345,678 bytes in UTF-8, no control \
         characters, no white space at the ends."
    );
    let email = schema::<Email>();
    assert_eq!((&email["format"], &email["maxLength"]), (&"email".into(), &254.into()));
    assert_eq!(email["minLength"], serde_json::Value::Null);
    assert_eq!(schema::<Segment>()["pattern"], "^[A-Za-z0-9_-]+$");
}

/// Stored data loads for ever, whatever limits were since: reading checks nothing.
#[test]
fn a_text_is_a_plain_string_in_json() {
    let text: Text<Line<2>> = serde_json::from_str("\"too long\"").unwrap();
    assert_eq!((text.as_str(), text.check().is_err()), ("too long", true));
    assert_eq!(serde_json::to_string(&text).unwrap(), "\"too long\"");
    assert!(serde_json::from_str::<Text<Line<2>>>("7").is_err());
    let email: Text<Email> = serde_json::from_str("\"ada@bücher.example\"").unwrap();
    assert_eq!(email, "ada@xn--bcher-kva.example");
}

#[test]
fn an_address_is_one_that_a_mail_can_be_sent_to() {
    for good in [
        "ada@example.com",
        "a@b",
        "ada.lovelace+x@mail.example",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        "ada@xn--bcher-kva.example",
        &format!("{}@example.com", "a".repeat(64)),
        &format!("a@{}.example", "b".repeat(63)),
    ] {
        assert_eq!(email(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada..lovelace@example.com",
        ".ada@example.com",
        "ada.@example.com",
        "\"ada\"@example.com",
        "ada lovelace@example.com",
        "ada@example..com",
        "ada@example.com.",
        "ada@.example.com",
        "ada@-example.com",
        "ada@example-.com",
        "ada@exa_mple.com",
        "ada@b@example.com",
        "ada@[example]",
        "ada@[127.0.0.1]",
        "ada@[2001:db8::1]",
        "zoë@example.com",
        "ada@bücher.example",
        "ada@example.com\n",
        "ada\r\n@example.com",
        &format!("{}@example.com", "a".repeat(65)),
        &format!("a@{}.example", "b".repeat(64)),
        &format!("a@{}example", "bcd.".repeat(62)),
    ] {
        assert!(email(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_domain_in_other_letters_is_taken_as_its_a_label() {
    for (given, taken) in [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BU\u{308}CHER.example", "ada@xn--bcher-kva.example"),
        ("ada@例え.example", "ada@xn--r8jz45g.example"),
        ("ada@ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example.com"),
    ] {
        assert_eq!(ascii_email(given), taken);
        assert_eq!(email(&ascii_email(given)), Ok(()), "{given}");
    }
    for unchanged in ["Ada@Example.COM", "ada", "zoë@example.com", "ada@bü cher.example"] {
        assert_eq!(ascii_email(unchanged), unchanged);
    }
}

#[test]
fn an_integer_is_one_that_every_json_reader_holds() {
    assert_eq!(LARGEST_INTEGER, 9_007_199_254_740_991);
    assert!(integer(LARGEST_INTEGER).is_ok());
    assert!(integer(LARGEST_INTEGER + 1).is_err());
    // What a reader of doubles makes of the next but one.
    assert_eq!((LARGEST_INTEGER + 2) as f64, (LARGEST_INTEGER + 1) as f64);
}

#[test]
fn a_time_has_a_year_of_four_digits() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    for good in [
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2026-11-27T00:00:00Z",
        "9999-12-30T22:00:00Z",
    ] {
        assert!(time(at(good)).is_ok(), "{good}");
    }
    for bad in ["-000001-12-31T23:59:59Z", "-009999-01-02T01:59:59Z"] {
        assert!(time(at(bad)).is_err(), "{bad}");
    }
    assert!(Timestamp::MAX.to_string().starts_with("9999-"), "the upper end is that of all times");
    assert!(since_1970(at("1970-01-01T00:00:00Z")).is_ok());
    assert!(since_1970(at("1969-12-31T23:59:59.999Z")).is_err());
}

proptest! {
    /// What was stored is read again as it is.
    #[test]
    fn an_address_that_is_taken_is_read_again_as_it_is(
        text in "[a-z.@ü例-]{1,12}@[a-zA-Zü例.-]{1,12}",
    ) {
        let taken = ascii_email(&text);
        if email(&taken).is_ok() {
            prop_assert_eq!(ascii_email(&taken), taken);
        }
    }
}
