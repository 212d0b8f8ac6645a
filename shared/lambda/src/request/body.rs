//! Bodies: JSON of UTF-8, read strictly.

use std::fmt;

use garde::Validate;
use headwater::field::LARGEST_INTEGER;
use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use serde_path_to_error::Segment;

use super::{Request, list_header};
use crate::Problem;
use crate::problem::{MALFORMED, UNSUPPORTED_MEDIA_TYPE};

/// How much of a name is told again in an error, in characters.
const LONGEST_QUOTE: usize = 80;

impl Request {
    /// The body as a command, with its shape checked.
    ///
    /// # Errors
    /// 400 if it is not JSON; 422 with each field at fault.
    pub fn json<T: DeserializeOwned + Validate<Context = ()>>(&self) -> Result<T, Problem> {
        read_json(object(self.content()?)?.into())
    }

    /// The members of the body, which must be an object; none if there is no body.
    ///
    /// # Errors
    /// 400 if it is not JSON, 422 if it is no object.
    pub fn members(&self) -> Result<Map<String, Value>, Problem> {
        if self.body.is_empty() && self.payload.is_none() {
            return Ok(Map::new());
        }
        object(self.content()?)
    }

    /// What the handler reads: the payload, if it is not the body as it came.
    fn content(&self) -> Result<Value, Problem> {
        match &self.payload {
            Some(payload) => Ok(payload.clone()),
            None => parse_json(&self.body),
        }
    }

    /// The same request with the version that its caller decided on taken out of the body's
    /// members.
    ///
    /// # Errors
    /// 400 if the body is not JSON; 422 if it is no object, or `version` no version.
    pub(crate) fn decided_on_version(mut self) -> Result<Self, Problem> {
        let mut members = self.members()?;
        let version = match members.remove("version") {
            None | Some(Value::Null) => None,
            Some(version) => Some(version.as_u64().ok_or_else(|| {
                let expected = format!("a number from 0 to {LARGEST_INTEGER}");
                Problem::invalid([("/version".to_owned(), expected)])
            })?),
        };
        // No body stays none, so that it is no JSON where one is needed.
        if !self.body.is_empty() || self.payload.is_some() {
            self.payload = Some(members.into());
        }
        Ok(self.decided_on(version))
    }

    /// That the call, which takes no body, has no members in it.
    ///
    /// # Errors
    /// 400 if the body is not JSON; 422 for any but an empty object.
    pub(crate) fn takes_no_members(&self) -> Result<(), Problem> {
        let unknown: Vec<_> = self
            .members()?
            .into_iter()
            .map(|(name, _)| (pointer_to("", &name), "the call takes no body".to_owned()))
            .collect();
        if unknown.is_empty() { Ok(()) } else { Err(Problem::invalid(unknown)) }
    }

    /// The body as a list of items, each with its shape checked; errors point at `/3/at`.
    ///
    /// # Errors
    /// 400 if it is not JSON; 422 with each field at fault, or if there are not 1 to `most` items.
    pub fn json_list<T: DeserializeOwned + Validate<Context = ()>>(
        &self,
        most: usize,
    ) -> Result<Vec<T>, Problem> {
        let body = self.content()?;
        let items = body.as_array().filter(|items| (1..=most).contains(&items.len()));
        let items = items.ok_or_else(|| {
            Problem::invalid([(
                String::new(),
                format!("the body must be an array of 1 to {most} objects"),
            )])
        })?;
        if let Some(place) = items.iter().position(|item| !item.is_object()) {
            return Err(Problem::invalid([(format!("/{place}"), "must be an object".to_owned())]));
        }
        read_json(body)
    }

    /// That the body, if there is one, is not coded. Its `Content-Type` is not looked at: all
    /// bodies are JSON, and `curl -d` calls them forms.
    ///
    /// # Errors
    /// 415 for a coding.
    pub(crate) fn check_coding(&self) -> Result<(), Problem> {
        if self.body.is_empty() {
            return Ok(());
        }
        let codings = list_header(&self.headers, "content-encoding").unwrap_or_default();
        if let Some(coding) = codings
            .split(',')
            .map(str::trim)
            .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        {
            let problem = Problem::new(
                &UNSUPPORTED_MEDIA_TYPE,
                format!("the body is coded as `{coding}`: send it as it is"),
            );
            return Err(problem.header("accept-encoding", "identity"));
        }
        Ok(())
    }
}

/// Reads JSON that means the same to every reader: no object has a member twice, and no whole
/// number is beyond 2⁵³ − 1. A byte order mark before it is passed over.
///
/// ```
/// use headwater_lambda::parse_json;
///
/// assert!(parse_json(br#"{ "cents": 50 }"#).is_ok());
/// let twice = parse_json(br#"{ "cents": 50, "cents": 5 }"#).unwrap_err();
/// assert_eq!(twice.status(), 400);
/// ```
///
/// # Errors
/// 400 if it is no such JSON, or nested more than 128 deep; 422 for each number that is too large.
pub fn parse_json(text: &[u8]) -> Result<Value, Problem> {
    let malformed = |why: String| Problem::new(&MALFORMED, why);
    let text = std::str::from_utf8(text)
        .map_err(|error| malformed(format!("the body is not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Strict(value) = serde_json::from_str(text)
        .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
    let mut inexact = Vec::new();
    find_inexact(&value, "", &mut inexact);
    if inexact.is_empty() { Ok(value) } else { Err(Problem::invalid(inexact)) }
}

/// Reads a value as a command and checks its shape.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_lambda::read_json;
/// use serde_json::json;
///
/// assert_eq!(read_json::<AddCoin>(json!({ "cents": 50 })).unwrap().cents, 50);
/// let problem = read_json::<AddCoin>(json!({ "cents": 0 })).unwrap_err();
/// assert!(problem.answer().body.contains(r#""pointer":"/cents""#));
/// ```
///
/// # Errors
/// 422 with each field at fault.
pub fn read_json<T: DeserializeOwned + Validate<Context = ()>>(value: Value) -> Result<T, Problem> {
    let command: T = serde_path_to_error::deserialize(value)
        .map_err(|error| Problem::invalid([shape_error(&error)]))?;
    let errors = |report: garde::Report| {
        report
            .iter()
            .map(|(path, error)| (camel_case(&pointer(&path.to_string())), error.to_string()))
            .collect::<Vec<_>>()
    };
    command.validate().map_err(|report| Problem::invalid(errors(report)))?;
    Ok(command)
}

/// A value in which no object has a member twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let name: String = name.chars().take(LONGEST_QUOTE).collect();
                return Err(A::Error::custom(format!("the member `{name}` comes twice")));
            }
            let Strict(value) = members.next_value()?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Adds the whole numbers below `pointer` that some readers would round.
fn find_inexact(value: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if size.is_some_and(|size| size > LARGEST_INTEGER) {
                found.push((pointer.to_owned(), format!("a number up to {LARGEST_INTEGER}")));
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(place, item)| find_inexact(item, &format!("{pointer}/{place}"), found));
        }
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| find_inexact(member, &pointer_to(pointer, name), found));
        }
        _ => {}
    }
}

fn object(body: Value) -> Result<Map<String, Value>, Problem> {
    match body {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::invalid([(String::new(), "the body must be an object".to_owned())])),
    }
}

/// The pointer and text of a body that has not the shape of its type; an unknown or a missing
/// member is pointed at itself. Members have whatever names the client gave them.
fn shape_error(error: &serde_path_to_error::Error<serde_json::Error>) -> (String, String) {
    let text = error.inner().to_string();
    let mut last = None;
    let path = error.path().iter().fold(String::new(), |pointer, segment| {
        last = match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        };
        last.as_deref().map_or_else(|| pointer.clone(), |last| pointer_to(&pointer, last))
    });
    // serde's errors are texts. What it expected instead are names of ours, without back quotes.
    let unknown = text.strip_prefix("unknown field `").and_then(|rest| {
        rest.strip_suffix("`, there are no fields")
            .or_else(|| rest.rsplit_once("`, expected ").map(|(name, _)| name))
    });
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    // The path leads to an unknown member, unless the members were put apart before they were read.
    let member = missing.or(unknown.filter(|name| last.as_deref() != Some(name)));
    (member.map_or_else(|| path.clone(), |member| pointer_to(&path, member)), text)
}

/// The JSON pointer to a member of what `pointer` points at (RFC 6901).
pub(super) fn pointer_to(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

/// Turns a path such as `lineItems[2].unitPrice` into the JSON pointer `/lineItems/2/unitPrice`.
fn pointer(path: &str) -> String {
    path.split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .map(|part| format!("/{part}"))
        .collect()
}

/// `garde` names fields as Rust does; clients know them as serde renames them.
fn camel_case(pointer: &str) -> String {
    let mut words = pointer.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        text + &initial.to_uppercase() + rest
    })
}

#[cfg(test)]
mod tests;
