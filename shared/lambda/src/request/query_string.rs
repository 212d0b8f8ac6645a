//! The query string, read from its raw text. The gateway also hands on parameters that it has read
//! itself. But it joins repeated ones by commas, which cannot be told from a comma in a value.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::body::pointer_to;
use crate::problem::MALFORMED;
use crate::{Parameter, Problem};

/// What stands as `%XX` in links: all but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters in their order, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct QueryString {
    parameters: Vec<(String, String)>,
    is_unreadable: bool,
}

impl QueryString {
    /// Reads `a=1&b=x+y%21`. What cannot be read has no parameters, and is told by
    /// [`QueryString::check`].
    pub(super) fn read(raw: &str) -> Self {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        });
        match pairs.collect::<Option<Vec<_>>>() {
            Some(parameters) => Self { parameters, is_unreadable: false },
            None => Self { parameters: Vec::new(), is_unreadable: true },
        }
    }

    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// That it can be read, and has no parameter that is not known, and none twice.
    ///
    /// # Errors
    /// 400 if it is not percent-encoded UTF-8; 422 with each parameter at fault.
    pub(super) fn check(&self, known: &[Parameter]) -> Result<(), Problem> {
        if self.is_unreadable {
            return Err(Problem::new(&MALFORMED, "the query string is not percent-encoded UTF-8"));
        }
        let (mut seen, mut faults) = (BTreeSet::new(), BTreeSet::new());
        for (name, _) in &self.parameters {
            if !known.iter().any(|known| known.name == *name) {
                faults.insert((pointer_to("/query", name), "unknown parameter".to_owned()));
            } else if !seen.insert(name) {
                faults.insert((pointer_to("/query", name), "given more than once".to_owned()));
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }

    /// It, percent-encoded, with this value of a parameter in the place of any other.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let others = self
            .parameters
            .iter()
            .filter(|(other, _)| other != name)
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = others
            .chain([(name, value)])
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// A path, which the gateway hands on decoded, as a link has it.
pub(super) fn encode_path(path: &str) -> String {
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// Decodes `%XX` and `+`; `None` if that gives no UTF-8, or a `%` has not two digits behind it.
fn decode(text: &str) -> Option<String> {
    let escapes = text.split('%').skip(1);
    let are_whole = escapes
        .map(str::as_bytes)
        .all(|rest| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    let text = are_whole.then(|| text.replace('+', " "))?;
    percent_decode_str(&text).decode_utf8().ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Shape;

    fn known() -> Vec<Parameter> {
        ["a", "b", "cursor"]
            .map(|name| Parameter { name: name.to_owned(), shape: Shape::text(), meaning: "" })
            .into()
    }

    #[test]
    fn values_are_decoded_and_never_cut() {
        for (raw, expected) in [
            ("a=1", Some("1")),
            ("b=2&a=1", Some("1")),
            ("&&a=1&", Some("1")),
            ("a=x,y", Some("x,y")),
            ("a=x%2Cy", Some("x,y")),
            ("a=x+y%2B%20z", Some("x y+ z")),
            ("a=x=y", Some("x=y")),
            ("a=%C3%AB", Some("ë")),
            ("a=ë", Some("ë")),
            ("%61=1", Some("1")),
            ("a=%2561", Some("%61")),
            ("a=", Some("")),
            ("a", Some("")),
            ("", None),
            ("b=1", None),
        ] {
            let query = QueryString::read(raw);
            assert_eq!((query.get("a"), query.check(&known()).is_ok()), (expected, true), "{raw}");
        }
    }

    #[test]
    fn what_is_not_percent_encoded_utf_8_is_refused() {
        for raw in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff", "%C3=1", "a=%C3&a=1", "b=1&a=%e2%82"]
        {
            let refused = QueryString::read(raw).check(&known()).unwrap_err();
            assert_eq!((refused.status(), refused.name()), (400, "malformed-request"), "{raw}");
        }
    }

    #[test]
    fn a_parameter_that_is_not_known_or_comes_twice_is_named() {
        for (raw, pointers) in [
            ("a=1&a=1", vec!["/query/a"]),
            ("a=1&a=2&b=1&b=1&a=3", vec!["/query/a", "/query/b"]),
            ("a=1&%61=1", vec!["/query/a"]),
            ("a&a", vec!["/query/a"]),
            ("x=1&x=1", vec!["/query/x"]),
            ("x/y=1&~=1", vec!["/query/x~1y", "/query/~0"]),
            ("A=1", vec!["/query/A"]),
            ("=1", vec!["/query/"]),
            ("a=1&a[]=2", vec!["/query/a[]"]),
        ] {
            let refused = QueryString::read(raw).check(&known()).unwrap_err();
            let body: serde_json::Value = serde_json::from_str(&refused.answer().body).unwrap();
            let found: Vec<&str> = body["errors"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|error| error["pointer"].as_str())
                .collect();
            assert_eq!((refused.status(), found), (422, pointers), "{raw}");
        }
    }

    #[test]
    fn a_link_is_percent_encoded_and_has_one_cursor() {
        for (raw, expected) in [
            ("", "cursor=n-_1"),
            ("cursor=old&a=zoë", "a=zo%C3%AB&cursor=n-_1"),
            ("a=1&%63ursor=old", "a=1&cursor=n-_1"),
            ("a=x+y%2C%22&b", "a=x%20y%2C%22&b=&cursor=n-_1"),
        ] {
            assert_eq!(QueryString::read(raw).with("cursor", "n-_1"), expected, "{raw}");
        }
        assert_eq!(encode_path("/a b/ü/%"), "/a%20b/%C3%BC/%25");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(value in "\\PC*") {
            let link = QueryString::default().with("a", &value);
            prop_assert!(link.is_ascii());
            let query = QueryString::read(&link);
            prop_assert_eq!(query.get("a"), Some(value.as_str()));
        }
    }
}
