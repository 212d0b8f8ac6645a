use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::RecordedEvent;

/// What can have happened in one kind of stream: an enum, adjacently tagged (`#[serde(tag = "type", content = "data")]`).
///
/// The names of variants and fields are the storage format: never rename one; add an [`Upcaster`] instead.
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The steps that lift the shapes that older builds wrote to today's. The version of an event type is one more than its
    /// number of steps, so a type that never changed is at version 1.
    const UPCASTERS: &'static [Upcaster] = &[];
}

/// One step of an event type's evolution: from version `from` to `from + 1`.
#[derive(Debug)]
pub struct Upcaster {
    /// The event's type, as `UserNameSet`.
    pub event_type: &'static str,
    /// The version that this step reads.
    pub from: u32,
    /// Rewrites the data. It must be total: what an older build could write, it lifts.
    pub lift: fn(Value) -> Value,
}

/// An event as it is stored could not be read, or could not be written. It is a defect or a damaged item, never the client's doing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The stored data fits no variant.
    #[error("event {event_type} v{version}: {reason}")]
    Unreadable {
        /// The stored type.
        event_type: String,
        /// The stored schema version.
        version: u32,
        /// Why not.
        reason: String,
    },
    /// The type has a version that this build does not know yet: a newer build wrote it.
    #[error("event {event_type} v{version} was written by a newer build, which knows v{known}")]
    TooNew {
        /// The stored type.
        event_type: String,
        /// The stored schema version.
        version: u32,
        /// The newest version that this build reads.
        known: u32,
    },
    /// The event does not serialize to `{"type", "data"}`.
    #[error("an event must serialize to its type and data: {0}")]
    Unwritable(String),
}

/// The version in which this build writes events of a type.
fn current_version<E: Event>(event_type: &str) -> u32 {
    1 + E::UPCASTERS.iter().filter(|step| step.event_type == event_type).count() as u32
}

/// Turns an event into what is stored: type, schema version and data.
///
/// # Errors
/// [`EventError::Unwritable`] if the enum is not adjacently tagged.
pub fn encode<E: Event>(number: u64, event: &E) -> Result<RecordedEvent, EventError> {
    let tagged = serde_json::to_value(event).map_err(|error| EventError::Unwritable(error.to_string()))?;
    let Value::Object(mut fields) = tagged else {
        return Err(EventError::Unwritable(tagged.to_string()));
    };
    let Some(Value::String(event_type)) = fields.remove("type") else {
        return Err(EventError::Unwritable("no type".to_owned()));
    };
    let data = fields.remove("data").unwrap_or_else(|| json!({}));
    Ok(RecordedEvent { number, version: current_version::<E>(&event_type), event_type, data })
}

/// Reads a stored event, lifted to the shape of this build.
///
/// # Errors
/// [`EventError::Unreadable`] or [`EventError::TooNew`].
pub fn decode<E: Event>(stored: &RecordedEvent) -> Result<E, EventError> {
    let known = current_version::<E>(&stored.event_type);
    if stored.version > known {
        return Err(EventError::TooNew { event_type: stored.event_type.clone(), version: stored.version, known });
    }
    let mut data = stored.data.clone();
    for version in stored.version..known {
        let step = E::UPCASTERS.iter().find(|step| step.event_type == stored.event_type && step.from == version);
        let Some(step) = step else {
            return Err(unreadable(stored, format!("no upcaster from version {version}")));
        };
        data = (step.lift)(data);
    }
    let tagged = json!({ "type": stored.event_type, "data": data });
    serde_json::from_value(tagged).map_err(|error| unreadable(stored, error.to_string()))
}

fn unreadable(stored: &RecordedEvent, reason: String) -> EventError {
    EventError::Unreadable { event_type: stored.event_type.clone(), version: stored.version, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// Its amount was `cents` in version 1, `amount` in 2, and has had a currency since 3.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum Till {
        Paid { amount: u64, currency: String },
        Opened {},
    }

    impl Event for Till {
        const UPCASTERS: &'static [Upcaster] = &[
            Upcaster { event_type: "Paid", from: 1, lift: |old| json!({ "amount": old["cents"] }) },
            Upcaster { event_type: "Paid", from: 2, lift: |old| json!({ "amount": old["amount"], "currency": "EUR" }) },
        ];
    }

    fn stored(event_type: &str, version: u32, data: Value) -> RecordedEvent {
        RecordedEvent { number: 1, event_type: event_type.to_owned(), version, data }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for event in [Till::Paid { amount: 5, currency: "CHF".to_owned() }, Till::Opened {}] {
            assert_eq!(decode::<Till>(&encode(1, &event).unwrap()).unwrap(), event);
        }
        assert_eq!(encode(1, &Till::Opened {}).unwrap().version, 1);
        assert_eq!(encode(1, &Till::Paid { amount: 5, currency: "CHF".to_owned() }).unwrap().version, 3);
    }

    #[test]
    fn every_older_version_is_lifted() {
        let euros = Till::Paid { amount: 5, currency: "EUR".to_owned() };
        assert_eq!(decode::<Till>(&stored("Paid", 1, json!({ "cents": 5 }))).unwrap(), euros);
        assert_eq!(decode::<Till>(&stored("Paid", 2, json!({ "amount": 5 }))).unwrap(), euros);
    }

    #[test]
    fn what_this_build_does_not_know_is_an_error() {
        let newer = decode::<Till>(&stored("Paid", 4, json!({})));
        assert!(matches!(newer, Err(EventError::TooNew { known: 3, .. })), "{newer:?}");
        let unknown = decode::<Till>(&stored("Robbed", 1, json!({})));
        assert!(matches!(unknown, Err(EventError::Unreadable { .. })), "{unknown:?}");
    }
}
