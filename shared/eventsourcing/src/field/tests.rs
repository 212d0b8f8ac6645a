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
