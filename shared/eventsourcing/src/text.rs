//! When two texts count as the same: for names that must be unique, and for search.
//!
//! The Unicode version is the one of the pinned `icu_normalizer` and `icu_casemap` crates. The keys of unique values depend on it,
//! so raising the pin is a migration.

use std::collections::BTreeSet;

use icu_casemap::CaseMapper;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

/// The form in which names are compared: NFKC with full case folding (Unicode's definition D146), white space collapsed.
///
/// `Ａda  LOVELACE`, `ada lovelace` and `ADA Lovelace` are the same; `ß` and `ss` are; accents count.
pub fn normalize(text: &str) -> String {
    let nfkc = ComposingNormalizer::new_nfkc();
    let fold = CaseMapper::new();
    let canonical = DecomposingNormalizer::new_nfd().normalize(text).into_owned();
    let once = nfkc.normalize(&fold.fold_string(&canonical)).into_owned();
    let twice = nfkc.normalize(&fold.fold_string(&once)).into_owned();
    twice.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a text as search compares them: folded like [`normalize`], without accents, split at what is neither letter nor digit.
pub fn search_words(text: &str) -> BTreeSet<String> {
    let combining = CanonicalCombiningClassMapBorrowed::new();
    let decomposed = DecomposingNormalizer::new_nfkd().normalize(&normalize(text)).into_owned();
    let plain: String = decomposed.chars().filter(|c| combining.get32_u8(u32::from(*c)) == 0).collect();
    plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (a, b) in
            [("Ada", "ADA"), ("Straße", "STRASSE"), ("Ａda", "ada"), ("e\u{301}", "É"), ("a  b ", " A B"), ("ﬁn", "FIN"), ("ς", "Σ")]
        {
            assert_eq!(normalize(a), normalize(b), "{a} {b}");
        }
        for (a, b) in [("ada", "àda"), ("ada", "ad a"), ("i", "ı")] {
            assert_ne!(normalize(a), normalize(b), "{a} {b}");
        }
    }

    #[test]
    fn search_ignores_case_accents_and_punctuation() {
        let words: Vec<String> = search_words("Zoë O'Neil-Łukasz, zoe@EXAMPLE.com").into_iter().collect();
        assert_eq!(words, ["com", "example", "neil", "o", "zoe", "łukasz"]);
        assert!(search_words(" .,- ").is_empty());
    }

    proptest! {
        /// A stored key must be found again by what was stored.
        #[test]
        fn normalizing_twice_changes_nothing(text in "\\PC{0,24}") {
            let once = normalize(&text);
            prop_assert_eq!(normalize(&once), once);
        }
    }
}
