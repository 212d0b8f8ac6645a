use std::str::FromStr;

/// A name in words: `ship-order`. Each place has its own spelling of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(Vec<String>);

/// The longest name, in characters: function names on Lambda end at 64.
const LONGEST: usize = 30;

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<String> = text.split('-').map(str::to_owned).collect();
        let is_word = |word: &String| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
        if begins && words.iter().all(is_word) && text.len() <= LONGEST {
            Ok(Self(words))
        } else {
            Err(format!("a name is words of a-z and 0-9 with `-` between, {LONGEST} at most"))
        }
    }
}

impl Name {
    /// `ship-order`: paths, packages, rules.
    pub(super) fn kebab(&self) -> String {
        self.0.join("-")
    }

    /// `ship_order`: modules, variables, tests.
    pub(super) fn snake(&self) -> String {
        self.0.join("_")
    }

    /// `SHIP_ORDER`: constants.
    pub(super) fn screaming(&self) -> String {
        self.snake().to_uppercase()
    }

    /// `ShipOrder`: types.
    pub(super) fn pascal(&self) -> String {
        let capitalized = |word: &String| word[..1].to_uppercase() + &word[1..];
        self.0.iter().map(capitalized).collect()
    }

    /// `ship order`: prose.
    pub(super) fn words(&self) -> String {
        self.0.join(" ")
    }

    /// The first word: of a command its verb, under which it is called.
    pub(super) fn first(&self) -> &str {
        &self.0[0]
    }

    /// The same with an `s`.
    pub(super) fn plural(&self) -> Self {
        let mut words = self.0.clone();
        if let Some(last) = words.last_mut() {
            last.push('s');
        }
        Self(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_spelling_for_each_place() {
        let name: Name = "ship-order".parse().unwrap();
        let spellings = [name.kebab(), name.snake(), name.screaming(), name.pascal(), name.words()];
        assert_eq!(
            spellings,
            ["ship-order", "ship_order", "SHIP_ORDER", "ShipOrder", "ship order"]
        );
        assert_eq!((name.first(), name.plural().kebab().as_str()), ("ship", "ship-orders"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "-", "Shop", "shop-", "1shop", "shop_a", "a/b", "..", "é", "a b"] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
        assert!("a".repeat(30).parse::<Name>().is_ok() && "a".repeat(31).parse::<Name>().is_err());
    }
}
