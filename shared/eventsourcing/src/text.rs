//! When two texts count as the same, and which characters are visible.
//!
//! | form | for | keeps |
//! |---|---|---|
//! | [`normalize`] | names and addresses that must be unique, and looking them up | neither case nor invisible characters |
//! | [`folded`] | the order of lists, and unique values of former builds | invisible characters |
//! | [`canonical`] | references that others gave, as a bank's | case, width, and the like |
//! | [`search_words`] | searches | letters and digits alone, without accents |
//!
//! The Unicode version is the one of the pinned `icu_*` crates. The keys of unique values depend on
//! it, so raising the pin is a migration.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

use icu_casemap::CaseMapper;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The form in which names are compared: Unicode's `toNFKC_Casefold` (UAX 31, D147), white space
/// collapsed.
///
/// `Ａda LOVELACE`, `ada lovelace` and `ADA Lovelace` are the same; `ß` and `ss` are; accents count.
/// Invisible characters (a zero-width space, a soft hyphen, a variation selector) do not.
///
/// ```
/// use headwater_core::normalize;
///
/// assert_eq!(normalize("Ａda  LOVELACE"), normalize("ada lovelace"));
/// assert_ne!(normalize("Zoë"), normalize("Zoe"));
/// ```
pub fn normalize(text: &str) -> String {
    folded(&without_ignorable(text))
}

/// The same, but with invisible characters. Former builds compared names so, and lists are ordered
/// so. It must not change: places in lists and streams of unique values are named by it.
///
/// ```
/// use headwater_core::{folded, normalize};
///
/// let soft = "Ada\u{ad}"; // A soft hyphen, which nobody sees.
/// assert_eq!((folded(soft).as_str(), normalize(soft).as_str()), ("ada\u{ad}", "ada"));
/// ```
pub fn folded(text: &str) -> String {
    let nfkc = ComposingNormalizer::new_nfkc();
    let fold = CaseMapper::new();
    let canonical = DecomposingNormalizer::new_nfd().normalize(text).into_owned();
    let once = nfkc.normalize(&fold.fold_string(&canonical)).into_owned();
    let twice = nfkc.normalize(&fold.fold_string(&once)).into_owned();
    collapsed(&twice)
}

/// The form in which references of other systems are compared, as a bank's id of a payment: NFC,
/// without invisible characters, white space collapsed. Case and width count, since they may tell
/// two of them apart.
///
/// ```
/// use headwater_core::canonical;
///
/// assert_eq!(canonical(" RF18  5390\u{200b} "), "RF18 5390");
/// assert_ne!(canonical("rf18"), canonical("RF18"));
/// ```
pub fn canonical(text: &str) -> String {
    collapsed(&ComposingNormalizer::new_nfc().normalize(&without_ignorable(text)))
}

/// The words of a text as search compares them: folded like [`normalize`], without accents, split
/// at what is neither letter nor digit.
///
/// ```
/// use headwater_core::search_words;
///
/// let words = search_words("Zoë O'Neill, 2nd");
/// assert_eq!(words.into_iter().collect::<Vec<_>>(), ["2nd", "neill", "o", "zoe"]);
/// ```
pub fn search_words(text: &str) -> BTreeSet<String> {
    let combining = CanonicalCombiningClassMapBorrowed::new();
    let decomposed = DecomposingNormalizer::new_nfkd().normalize(&normalize(text)).into_owned();
    let plain: String =
        decomposed.chars().filter(|c| combining.get32_u8(u32::from(*c)) == 0).collect();
    plain
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a text has a visible character: more than white space, controls, format characters and
/// fillers.
///
/// ```
/// use headwater_core::is_visible;
///
/// assert!(is_visible("a"));
/// assert!(!is_visible(" \u{200b}\u{2800}"));
/// ```
pub fn is_visible(text: &str) -> bool {
    // The blank pattern of Braille is a symbol to Unicode, but nobody sees it.
    text.chars().any(|c| !c.is_whitespace() && !is_hidden(c) && c != '\u{2800}')
}

/// A text to be shown to people. Characters that would control a terminal or a page (controls,
/// changes of direction, zero-width characters, line ends) are written as `\u{1b}`.
///
/// ```
/// use headwater_core::shown;
///
/// assert_eq!(shown("Ada\u{1b}[2J"), "Ada\\u{1b}[2J");
/// assert_eq!(shown("Zoë"), "Zoë");
/// ```
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a string cannot fail.
            write!(shown, "{}", c.escape_unicode()).ok();
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The same, but with line ends kept.
///
/// ```
/// use headwater_core::shown_lines;
///
/// assert_eq!(shown_lines("Ada\nLovelace\u{7}"), "Ada\nLovelace\\u{7}");
/// ```
pub fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// Whether a character is invisible: controls, characters that direct or join text, line
/// separators, fillers.
///
/// ```
/// use headwater_core::is_hidden;
///
/// assert!(is_hidden('\u{202e}')); // What follows would be shown from right to left.
/// assert!(!is_hidden('ß'));
/// ```
pub fn is_hidden(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    // Most texts are ASCII, where the tables need not be asked.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    is_ignorable(c)
        || matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            Control | Format | LineSeparator | ParagraphSeparator
        )
}

fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn without_ignorable(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_ignorable) {
        Cow::Owned(text.chars().filter(|c| !is_ignorable(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (a, b) in [
            ("Ada", "ADA"),
            ("Straße", "STRASSE"),
            ("Ａda", "ada"),
            ("e\u{301}", "É"),
            ("a  b ", " A B"),
            ("ﬁn", "FIN"),
            ("ς", "Σ"),
            ("a\u{200b}da", "ada"),
            ("\u{feff}a\u{ad}d\u{2060}a", "ADA"),
            ("❤\u{fe0f}", "❤"),
            ("e\u{34f}\u{301}", "é"),
            ("a\u{3164}da", "ada"),
        ] {
            assert_eq!(normalize(a), normalize(b), "{a:?} {b:?}");
        }
        for (a, b) in [("ada", "àda"), ("ada", "ad a"), ("i", "ı")] {
            assert_ne!(normalize(a), normalize(b), "{a} {b}");
        }
    }

    /// Nearly all names have one form, old and new: nothing that former builds wrote for them is
    /// elsewhere now.
    #[test]
    fn a_character_that_is_seen_is_compared_as_ever_and_the_others_drop_out() {
        use GeneralCategory::{PrivateUse, Unassigned};
        let is_assigned = |c: &char| {
            !matches!(CodePointMapData::<GeneralCategory>::new().get(*c), PrivateUse | Unassigned)
        };
        for c in ('\0'..=char::MAX).filter(|c| is_assigned(c) || is_ignorable(*c)) {
            let text = format!("a{c}b");
            if is_ignorable(c) {
                assert_eq!(normalize(&text), "ab", "{c:?}");
            } else {
                let (normal, former) = (normalize(&text), folded(&text));
                assert_eq!(normal, former, "{c:?}");
                assert!(!normal.chars().any(is_ignorable), "{c:?}");
            }
        }
    }

    #[test]
    fn references_differ_by_case_and_width_but_not_by_how_unicode_writes_them() {
        for (a, b) in
            [("Ü 7", "U\u{308} 7"), ("TX\u{200b}-1", "TX-1"), ("A  7", "A 7"), ("Å", "\u{212b}")]
        {
            assert_eq!(canonical(a), canonical(b), "{a:?} {b:?}");
        }
        for (a, b) in [("tx-a", "TX-A"), ("７", "7"), ("ß", "ss"), ("U 7", "Ü 7")] {
            assert_ne!(canonical(a), canonical(b), "{a} {b}");
        }
    }

    #[test]
    fn search_ignores_case_accents_and_punctuation() {
        let words: Vec<String> =
            search_words("Zoë O'Neil-Łukasz, zoe@EXAMPLE.com").into_iter().collect();
        assert_eq!(words, ["com", "example", "neil", "o", "zoe", "łukasz"]);
        assert!(search_words(" .,- ").is_empty());
        assert_eq!(search_words("a\u{200b}da"), search_words("ada"));
    }

    #[test]
    fn a_text_without_a_sign_is_not_visible() {
        for hidden in [
            "",
            " ",
            "\u{200b}",
            "\u{3164}",
            "\u{2800}",
            "\u{a0}\u{2003}",
            "\u{202e}\u{ad}",
            "\u{fe0f}",
            "\u{e0041}",
            "\u{fff9}",
        ] {
            assert!(!is_visible(hidden), "{hidden:?}");
        }
        for visible in ["a", "\u{202e}a", "李", "❤\u{fe0f}", "👩\u{200d}🚀", ".", "\u{e9}"] {
            assert!(is_visible(visible), "{visible:?}");
        }
    }

    #[test]
    fn what_would_act_on_a_terminal_is_shown_escaped() {
        for (text, expected) in [
            ("\u{1b}[2Jroot", "\\u{1b}[2Jroot"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("a\u{200b}da", "a\\u{200b}da"),
            ("a\nb\u{2028}", "a\\u{a}b\\u{2028}"),
            ("\u{7f}", "\\u{7f}"),
            ("Zoë 李 \\ \"x\"", "Zoë 李 \\ \"x\""),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown_lines("a\r\n\u{1b}b\n"), "a\\u{d}\n\\u{1b}b\n");
    }

    /// Texts with at most one character that would act instead of being seen.
    const HIDING: &str =
        "\\PC{0,8}[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{200f}\u{2028}-\u{202e}]?\\PC{0,8}";

    proptest! {
        /// A stored key must be found again by what was stored.
        #[test]
        fn normalizing_twice_changes_nothing(
            text in "(\\PC|[\u{200b}\u{ad}\u{fe0f}\u{3164}\u{34f}]){0,24}",
        ) {
            for form in [normalize, folded, canonical] {
                let once = form(&text);
                prop_assert_eq!(form(&once), once);
            }
        }

        /// What nobody sees makes no other name, wherever it stands.
        #[test]
        fn what_nobody_sees_makes_no_other_name(
            before in "\\PC{0,12}",
            after in "\\PC{0,12}",
            hidden in "[\u{200b}-\u{200f}\u{ad}\u{2060}\u{feff}]",
        ) {
            let plain = format!("{before}{after}");
            prop_assert_eq!(normalize(&format!("{before}{hidden}{after}")), normalize(&plain));
        }

        #[test]
        fn what_is_shown_hides_nothing(text in HIDING) {
            prop_assert!(!shown(&text).chars().any(is_hidden));
        }
    }
}
