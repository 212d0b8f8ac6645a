//! What tells of a person, and can be forgotten.
//!
//! An event is kept for ever, and a person may ask to be forgotten. So a domain says which of its
//! fields tell of a person. A store keeps those encrypted, under a key of the stream. When the key
//! is destroyed, the events stay, and what told of the person is [`Personal::Erased`] in each of
//! them.
//!
//! A value is in one of four forms in the JSON of events and states:
//!
//! | form | where |
//! |---|---|
//! | `"Ada"` | what a domain reads; and what was stored before the field was personal |
//! | `{"$personal": "Ada"}` | what a domain writes |
//! | `{"$sealed": "…"}` | what is stored |
//! | `{"$erased": true}` | what a domain reads once the key is destroyed |

use std::convert::Infallible;

use serde::de::{DeserializeOwned, Error};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::field::Text;

/// The member of a value that is to be sealed.
const PERSONAL: &str = "$personal";

/// The member of a value that is sealed.
const SEALED: &str = "$sealed";

/// The member of a value whose key was destroyed.
const ERASED: &str = "$erased";

/// A value that tells of a person, until it is forgotten.
///
/// ```
/// use headwater_core::Personal;
/// use serde_json::json;
///
/// let name = Personal::from("Ada".to_owned());
/// assert_eq!(name.known().map(String::as_str), Some("Ada"));
/// // What was stored before the field was personal is read, too.
/// assert_eq!(serde_json::from_value::<Personal<String>>(json!("Ada")).unwrap(), name);
/// let erased: Personal<String> = serde_json::from_value(json!({ "$erased": true })).unwrap();
/// assert_eq!(erased.known(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Personal<T> {
    /// It is known.
    Known(T),
    /// It was forgotten: nobody can read it any more.
    Erased,
}

impl<T> Personal<T> {
    /// The value; `None` once it is forgotten.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }

    /// The value itself; `None` once it is forgotten.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl From<&str> for Personal<String> {
    fn from(value: &str) -> Self {
        Self::Known(value.to_owned())
    }
}

impl<L> From<Text<L>> for Personal<String> {
    fn from(value: Text<L>) -> Self {
        Self::Known(value.into())
    }
}

impl<T: Default> Default for Personal<T> {
    fn default() -> Self {
        Self::Known(T::default())
    }
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Known(value) => map.serialize_entry(PERSONAL, value)?,
            Self::Erased => map.serialize_entry(ERASED, &true)?,
        }
        map.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        if only(&value, ERASED).is_some() {
            return Ok(Self::Erased);
        }
        if only(&value, SEALED).is_some() {
            return Err(D::Error::custom("it is sealed: it was read without its key"));
        }
        if let Some(known) = only_mut(&mut value, PERSONAL) {
            value = known.take();
        }
        serde_json::from_value(value).map(Self::Known).map_err(D::Error::custom)
    }
}

/// A value in stored JSON that is personal, by its form.
///
/// ```
/// use headwater_core::Form;
/// use serde_json::json;
///
/// assert_eq!(Form::sealed("c2VhbGVk".to_owned()), json!({ "$sealed": "c2VhbGVk" }));
/// assert_eq!(Form::erased(), json!({ "$erased": true }));
/// ```
#[derive(Debug, PartialEq)]
pub enum Form<'a> {
    /// It is to be sealed: the value.
    Open(&'a Value),
    /// It is sealed: the text that a store made of it.
    Sealed(&'a str),
    /// It is erased.
    Erased,
}

impl Form<'_> {
    /// Whether it tells something to whoever reads it. What is empty does not, and so is stored as
    /// it is.
    pub fn is_telling(&self) -> bool {
        matches!(self, Self::Open(value) if !value.is_null() && *value != "")
    }

    /// The JSON of a sealed value.
    pub fn sealed(text: String) -> Value {
        Value::Object(Map::from_iter([(SEALED.to_owned(), Value::String(text))]))
    }

    /// The JSON of an erased value.
    pub fn erased() -> Value {
        Value::Object(Map::from_iter([(ERASED.to_owned(), Value::Bool(true))]))
    }
}

/// Replaces each personal value in JSON by what `replace` makes of it; `None` leaves it. Values
/// inside of personal values are not looked at.
///
/// ```
/// use headwater_core::{Form, replace_personal};
/// use serde_json::json;
///
/// let mut data = json!({ "name": { "$personal": "Ada" }, "cents": 50 });
/// replace_personal(&mut data, &mut |form| match form {
///     Form::Open(_) => Ok(Some(Form::sealed("c2VhbGVk".to_owned()))),
///     _ => Ok::<_, ()>(None),
/// })
/// .unwrap();
/// assert_eq!(data, json!({ "name": { "$sealed": "c2VhbGVk" }, "cents": 50 }));
/// ```
///
/// # Errors
/// The first of `replace`'s. What came before it is replaced.
pub fn replace_personal<E>(
    data: &mut Value,
    replace: &mut impl FnMut(Form<'_>) -> Result<Option<Value>, E>,
) -> Result<(), E> {
    if let Some(form) = form(data) {
        if let Some(other) = replace(form)? {
            *data = other;
        }
        return Ok(());
    }
    match data {
        Value::Array(values) => {
            values.iter_mut().try_for_each(|value| replace_personal(value, replace))
        }
        Value::Object(members) => {
            members.values_mut().try_for_each(|value| replace_personal(value, replace))
        }
        _ => Ok(()),
    }
}

/// Shows personal values as what they are, without the mark that they are to be sealed: for JSON
/// that is shown and not stored.
///
/// ```
/// use headwater_core::unmarked;
/// use serde_json::json;
///
/// let state = json!({ "name": { "$personal": "Ada" }, "email": { "$erased": true } });
/// assert_eq!(unmarked(state), json!({ "name": "Ada", "email": { "$erased": true } }));
/// ```
pub fn unmarked(mut data: Value) -> Value {
    let Ok(()) = replace_personal(&mut data, &mut |form| match form {
        Form::Open(value) => Ok::<_, Infallible>(Some(value.clone())),
        Form::Sealed(_) | Form::Erased => Ok(None),
    });
    data
}

/// Erases what is marked to be sealed, for whom there is no key any more.
///
/// ```
/// use headwater_core::erased;
/// use serde_json::json;
///
/// let event = json!({ "name": { "$personal": "Ada" }, "cents": 50 });
/// assert_eq!(erased(event), json!({ "name": { "$erased": true }, "cents": 50 }));
/// ```
pub fn erased(mut data: Value) -> Value {
    let Ok(()) = replace_personal(&mut data, &mut |form| match form {
        Form::Open(_) => Ok::<_, Infallible>(Some(Form::erased())),
        Form::Sealed(_) | Form::Erased => Ok(None),
    });
    data
}

/// Whether JSON holds a personal value of a form that is wanted.
///
/// ```
/// use headwater_core::{Form, has_personal};
/// use serde_json::json;
///
/// let data = json!({ "guests": [{ "name": { "$personal": "Ada" } }] });
/// assert!(has_personal(&data, &|form| matches!(form, Form::Open(_))));
/// assert!(!has_personal(&data, &|form| matches!(form, Form::Sealed(_))));
/// ```
pub fn has_personal(data: &Value, is_wanted: &impl Fn(Form<'_>) -> bool) -> bool {
    if let Some(form) = form(data) {
        return is_wanted(form);
    }
    match data {
        Value::Array(values) => values.iter().any(|value| has_personal(value, is_wanted)),
        Value::Object(members) => members.values().any(|value| has_personal(value, is_wanted)),
        _ => false,
    }
}

fn form(value: &Value) -> Option<Form<'_>> {
    if let Some(open) = only(value, PERSONAL) {
        return Some(Form::Open(open));
    }
    if let Some(sealed) = only(value, SEALED) {
        return sealed.as_str().map(Form::Sealed);
    }
    only(value, ERASED).map(|_| Form::Erased)
}

/// The value of a member, if the object has no other.
fn only<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object().filter(|members| members.len() == 1)?.get(name)
}

fn only_mut<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    value.as_object_mut().filter(|members| members.len() == 1)?.get_mut(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_read_from_each_form_but_a_sealed_one() {
        let read = |value: Value| serde_json::from_value::<Personal<Vec<u8>>>(value);
        for value in [json!([1, 2]), json!({ "$personal": [1, 2] })] {
            assert_eq!(read(value).unwrap(), Personal::Known(vec![1, 2]));
        }
        assert_eq!(read(json!({ "$erased": true })).unwrap(), Personal::Erased);
        let error = read(json!({ "$sealed": "x" })).unwrap_err().to_string();
        assert!(error.contains("sealed"), "{error}");
        assert!(read(json!("x")).is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [Personal::Known("Ada".to_owned()), Personal::Erased] {
            let written = serde_json::to_value(&value).unwrap();
            assert!(has_personal(&written, &|_| true));
            assert_eq!(serde_json::from_value::<Personal<String>>(written).unwrap(), value);
        }
    }

    #[test]
    fn what_is_empty_tells_nothing() {
        for empty in [json!(""), json!(null)] {
            assert!(!Form::Open(&empty).is_telling());
        }
        for value in [json!("Ada"), json!(0), json!(false), json!([])] {
            assert!(Form::Open(&value).is_telling());
        }
        assert!(!Form::Sealed("x").is_telling() && !Form::Erased.is_telling());
    }

    #[test]
    fn values_are_found_wherever_they_are_and_nothing_else_is() {
        let mut data = json!({
            "a": [{ "$personal": 1 }, { "b": { "$sealed": "x" } }],
            "c": { "$personal": 2, "d": 3 },
            "e": { "$erased": true },
            "f": { "$personal": { "$personal": 4 } },
            "g": { "$sealed": 5 },
        });
        let mut found = Vec::new();
        replace_personal(&mut data, &mut |form| {
            found.push(match form {
                Form::Open(value) => value.to_string(),
                Form::Sealed(text) => text.to_owned(),
                Form::Erased => "erased".to_owned(),
            });
            Ok::<_, ()>(Some(json!(0)))
        })
        .unwrap();
        assert_eq!(found, ["1", "x", "erased", "{\"$personal\":4}"]);
        let expected = json!({
            "a": [0, { "b": 0 }],
            "c": { "$personal": 2, "d": 3 },
            "e": 0,
            "f": 0,
            "g": { "$sealed": 5 },
        });
        assert_eq!(data, expected);
    }
}
