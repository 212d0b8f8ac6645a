//! Names and unique values: texts that count as the same stay the same, however they are written.
#![no_main]

use headwater::field;
use headwater::{
    Rule, UniqueKey, UniqueValue, canonical, folded, is_hidden, is_visible, normalize,
    search_words, shown, shown_lines,
};
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use libfuzzer_sys::fuzz_target;

static TAKEN: Rule = Rule { name: "taken", title: "", help: "" };

fuzz_target!(|text: &str| {
    forms(text);
    unique(text);
    let seen = shown(text);
    assert!(!seen.chars().any(is_hidden));
    assert_eq!(shown(&seen), seen);
    assert!(shown_lines(text).chars().all(|c| c == '\n' || !is_hidden(c)));
    addresses(text);
});

/// Each form is its own, and is that of every spelling.
fn forms(text: &str) {
    for form in [normalize, folded, canonical] {
        let once = form(text);
        assert_eq!(form(&once), once);
        assert_eq!(once.trim(), once);
        assert_eq!(form(&format!("  {text}\t")), once, "white space at the ends");
        for other in [
            ComposingNormalizer::new_nfc().normalize(text),
            DecomposingNormalizer::new_nfd().normalize(text),
        ] {
            assert_eq!(form(&other), once, "{other:?}");
        }
    }
    let unseen: String = text.chars().flat_map(|c| [c, '\u{200b}']).collect();
    assert_eq!(normalize(&unseen), normalize(text));
    assert_eq!(canonical(&unseen), canonical(text));
    assert_eq!(search_words(&unseen), search_words(text));
    assert_eq!(search_words(&normalize(text)), search_words(text));
    assert!(search_words(text).iter().all(|word| word.chars().all(char::is_alphanumeric)));
    if is_visible(text) {
        assert!(!normalize(text).is_empty(), "what is seen has a form");
    }
}

/// Whoever holds a value holds all its forms, and each names a stream.
fn unique(text: &str) {
    let key = UniqueKey::new(&[7; 32]).expect("32 bytes");
    let names = |text: &str| -> Vec<String> {
        let forms = UniqueValue::new("user-names", text, &TAKEN).forms();
        let stream = |value| key.stream("acme", "identity", value).expect("a stream").to_string();
        forms.iter().map(stream).collect()
    };
    let own = names(text);
    assert!((1..=2).contains(&own.len()));
    assert_eq!(names(&format!(" {text} ")), own);
    if is_visible(text) {
        assert_eq!(names(&normalize(text))[..], own[..1], "it is known by its normal form");
    }
    // What a former build claimed is among them.
    assert!(names(&folded(text)).iter().all(|name| own.contains(name)));
}

/// What is taken for an address is one in ASCII, and is taken again as it is.
fn addresses(text: &str) {
    let email = field::ascii_email(text);
    assert_eq!(field::ascii_email(&email), email);
    if field::email(&email).is_ok() {
        assert!(email.is_ascii() && email.len() <= field::LONGEST_EMAIL);
        assert!(is_visible(&email));
    }
    if field::line(text, 200).is_ok() {
        assert!(is_visible(text) && text.trim() == text && text.chars().count() <= 200);
    }
}
