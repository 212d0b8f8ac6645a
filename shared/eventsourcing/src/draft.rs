use serde::de::value::MapDeserializer;
use serde_json::{Map, Value, json};

use crate::{Event, RecordedEvent, encode, unmarked};

/// An event as a person writes it, to be appended without a command.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDraft {
    /// Its type, as `UserNameSet`.
    pub event_type: String,
    /// What happened.
    pub data: Map<String, Value>,
}

/// Why a draft is not an event that this build would write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {why}")]
pub struct Misfit {
    /// Where it differs, as a JSON pointer into `{"type", "data"}`: `/data/userName`.
    pub pointer: String,
    /// What is wrong there.
    pub why: String,
}

impl EventDraft {
    /// The event, numbered and in today's version.
    ///
    /// The draft must be exactly what this build writes. Anything else would be stored otherwise
    /// than its author saw it: an unknown member would vanish, and a missing one would be guessed.
    ///
    /// # Errors
    /// [`Misfit`] at the first place that differs.
    pub fn recorded<E: Event>(&self, number: u64) -> Result<RecordedEvent, Misfit> {
        let Self { event_type, data } = self;
        // The tag comes first, so that an error knows the place in the data.
        let tagged = [("type", json!(event_type)), ("data", Value::Object(data.clone()))];
        let event: E =
            serde_path_to_error::deserialize(MapDeserializer::new(tagged.into_iter()))
                .map_err(|error: serde_path_to_error::Error<serde_json::Error>| misfit(&error))?;
        let written = encode(number, &event)
            .map_err(|error| Misfit { pointer: String::new(), why: error.to_string() })?;
        match difference("/data", &Value::Object(data.clone()), &unmarked(written.data.clone())) {
            Some(misfit) => Err(misfit),
            None => Ok(written),
        }
    }
}

/// Where reading stopped, and why.
fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Misfit {
    let why = error.inner().to_string();
    let names = error.path().iter().map(ToString::to_string);
    let pointer = names.filter(|name| name != "?").fold(String::new(), |pointer, name| {
        below(&pointer, name.trim_start_matches('[').trim_end_matches(']'))
    });
    Misfit { pointer, why }
}

/// The first place where what would be written differs from what was given.
fn difference(pointer: &str, given: &Value, written: &Value) -> Option<Misfit> {
    let at = |pointer: String, why: String| Some(Misfit { pointer, why });
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => {
            if let Some(name) = given.keys().find(|name| !written.contains_key(*name)) {
                return at(below(pointer, name), "the event has no such field".to_owned());
            }
            if let Some((name, value)) = written.iter().find(|(name, _)| !given.contains_key(*name))
            {
                let why = format!("the field is missing: {value} would be written");
                return at(below(pointer, name), why);
            }
            given.iter().find_map(|(name, value)| {
                difference(&below(pointer, name), value, written.get(name)?)
            })
        }
        (Value::Array(given), Value::Array(written)) if given.len() == written.len() => {
            let mut pairs = given.iter().zip(written).enumerate();
            pairs.find_map(|(place, (given, written))| {
                difference(&below(pointer, &place.to_string()), given, written)
            })
        }
        _ if given == written => None,
        _ => at(pointer.to_owned(), format!("{written} would be written instead")),
    }
}

/// The JSON pointer to a member of what `pointer` points at (RFC 6901).
fn below(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Upcaster;

    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
    enum Till {
        Paid {
            amount: u64,
            paid_by: Payer,
        },
        Noted {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            text: Option<String>,
            #[serde(default)]
            lines: Vec<u64>,
        },
        Opened {},
    }

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Payer {
        name: String,
    }

    impl Event for Till {
        const UPCASTERS: &'static [Upcaster] = &[Upcaster {
            event_type: "Paid",
            from: 1,
            lift: |old| json!({ "amount": old["cents"], "paidBy": { "name": "" } }),
        }];
    }

    fn recorded(event_type: &str, data: &Value) -> Result<RecordedEvent, Misfit> {
        let data = data.as_object().cloned().unwrap();
        EventDraft { event_type: event_type.to_owned(), data }.recorded::<Till>(4)
    }

    #[test]
    fn an_event_is_written_in_todays_version() {
        for (event_type, version, data) in [
            ("Paid", 2, json!({ "amount": 5, "paidBy": { "name": "Ada" } })),
            ("Noted", 1, json!({ "lines": [1, 2] })),
            ("Noted", 1, json!({ "text": "a", "lines": [] })),
            ("Opened", 1, json!({})),
        ] {
            let event_type = event_type.to_owned();
            let expected =
                RecordedEvent { number: 4, event_type: event_type.clone(), version, data };
            assert_eq!(recorded(&event_type, &expected.data), Ok(expected));
        }
    }

    #[test]
    fn what_would_be_written_otherwise_is_refused_at_its_place() {
        for (event_type, data, pointer, why) in [
            ("Robbed", json!({}), "/type", "unknown variant `Robbed`"),
            ("paid", json!({}), "/type", "expected one of `Paid`, `Noted`, `Opened`"),
            // As version 1 had it.
            ("Paid", json!({ "cents": 5 }), "/data", "missing field `amount`"),
            ("Paid", json!({ "amount": "5" }), "/data/amount", "invalid type: string"),
            ("Paid", json!({ "amount": 5.5 }), "/data/amount", "invalid type: floating point"),
            ("Paid", json!({ "amount": -5 }), "/data/amount", "invalid value: integer `-5`"),
            (
                "Paid",
                json!({ "amount": 5, "paidBy": { "name": null } }),
                "/data/paidBy/name",
                "invalid type: null",
            ),
            (
                "Paid",
                json!({ "amount": 5, "paidBy": { "name": "a", "a/b~": 1 } }),
                "/data/paidBy/a~1b~0",
                "the event has no such field",
            ),
            ("Noted", json!({ "lines": [1, "2"] }), "/data/lines/1", "invalid type: string"),
            ("Noted", json!({}), "/data/lines", "the field is missing: [] would be written"),
            ("Noted", json!({ "lines": [], "text": null }), "/data/text", "no such field"),
            ("Opened", json!({ "by": "me" }), "/data/by", "the event has no such field"),
        ] {
            let misfit = recorded(event_type, &data).unwrap_err();
            assert_eq!(misfit.pointer, pointer, "{event_type} {data}: {misfit}");
            assert!(misfit.why.contains(why), "{event_type} {data}: {misfit}");
        }
    }
}
