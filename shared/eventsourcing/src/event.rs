use std::fmt;
use std::iter;

use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::RecordedEvent;

/// The events of one kind of stream: an enum, adjacently tagged (`#[serde(tag = "type", content =
/// "data")]`).
///
/// The names of variants and fields are the storage format: never rename one; add an [`Upcaster`]
/// instead.
///
/// ```
/// use headwater_core::{Event, decode, encode};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// #[serde(tag = "type", content = "data")]
/// enum TillEvent {
///     TillOpened {},
///     CoinAdded { cents: u64 },
/// }
///
/// impl Event for TillEvent {}
///
/// let stored = encode(2, &TillEvent::CoinAdded { cents: 50 })?;
/// assert_eq!((stored.event_type.as_str(), stored.version), ("CoinAdded", 1));
/// assert_eq!(decode::<TillEvent>(&stored)?, TillEvent::CoinAdded { cents: 50 });
/// # Ok::<(), headwater_core::EventError>(())
/// ```
pub trait Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The steps that lift the shapes that older builds wrote to today's. The version of an event
    /// type is one more than its number of steps, so a type that never changed is at version 1.
    const UPCASTERS: &'static [Upcaster] = &[];

    /// The type of the event that forgets the person whom the stream tells of, as `UserErased`.
    /// Once one is stored, the key of what is [personal](crate::Personal) in the stream is
    /// destroyed. Its data are `{}`.
    const FORGETS: Option<&'static str> = None;
}

/// One step of an event type's evolution: from version `from` to `from + 1`.
///
/// ```
/// use headwater_core::{Event, RecordedEvent, Upcaster, decode};
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// #[serde(tag = "type", content = "data")]
/// enum TillEvent {
///     CoinAdded { cents: u64 },
/// }
///
/// impl Event for TillEvent {
///     // Version 1 counted in whole euros.
///     const UPCASTERS: &'static [Upcaster] = &[Upcaster {
///         event_type: "CoinAdded",
///         from: 1,
///         lift: |old| json!({ "cents": old["euros"].as_u64().unwrap_or_default() * 100 }),
///     }];
/// }
///
/// let stored = RecordedEvent {
///     number: 2,
///     event_type: "CoinAdded".to_owned(),
///     version: 1,
///     data: json!({ "euros": 3 }),
/// };
/// assert_eq!(decode::<TillEvent>(&stored)?, TillEvent::CoinAdded { cents: 300 });
/// # Ok::<(), headwater_core::EventError>(())
/// ```
#[derive(Debug)]
pub struct Upcaster {
    /// The event's type, as `UserNameSet`.
    pub event_type: &'static str,
    /// The version that this step reads.
    pub from: u32,
    /// Rewrites the data. It must be total: what an older build could write, it lifts.
    pub lift: fn(Value) -> Value,
}

/// A stored event could not be read, or an event not be written. The client is never the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The stored data is not what its type says: a defect or a damaged item.
    #[error("event {event_type} v{version}: {reason}")]
    Unreadable {
        /// The stored type.
        event_type: String,
        /// The stored schema version.
        version: u32,
        /// The reason, for the log.
        reason: String,
    },
    /// A newer build wrote it. It is not damaged: a build that knows its type reads it.
    #[error(transparent)]
    Newer(#[from] NewerEvent),
    /// The event does not serialize to `{"type", "data"}`.
    #[error("an event must serialize to its type and data: {0}")]
    Unwritable(String),
}

/// A stored event whose type, or whose type's schema version, this build does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("event {number}, {event_type} v{version}, is of a newer build than this one")]
pub struct NewerEvent {
    /// Its number in its stream.
    pub number: u64,
    /// The stored type.
    pub event_type: String,
    /// The stored schema version.
    pub version: u32,
}

/// Whether this build knows an event's type in a schema version, and so can read it unless it is
/// damaged.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::knows;
///
/// assert!(knows::<TillEvent>("CoinAdded", 1));
/// assert!(!knows::<TillEvent>("CoinAdded", 2));
/// assert!(!knows::<TillEvent>("NoteAdded", 1));
/// ```
pub fn knows<E: Event>(event_type: &str, version: u32) -> bool {
    version <= current_version::<E>(event_type) && is_variant::<E>(event_type)
}

/// The first of these events whose type and version `knows` does not accept.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{RecordedEvent, encode, first_newer, knows};
///
/// let known = encode(1, &TillEvent::TillOpened {})?;
/// let newer = RecordedEvent { number: 2, event_type: "NoteAdded".to_owned(), ..known.clone() };
/// let found = first_newer(&[known, newer], knows::<TillEvent>);
/// assert_eq!(found.map(|event| event.number), Some(2));
/// # Ok::<(), headwater_core::EventError>(())
/// ```
pub fn first_newer<'a>(
    events: impl IntoIterator<Item = &'a RecordedEvent>,
    knows: fn(&str, u32) -> bool,
) -> Option<NewerEvent> {
    events.into_iter().find(|event| !knows(&event.event_type, event.version)).map(NewerEvent::from)
}

/// The version in which this build writes events of a type.
fn current_version<E: Event>(event_type: &str) -> u32 {
    1 + E::UPCASTERS.iter().filter(|step| step.event_type == event_type).count() as u32
}

/// Turns an event into what is stored: type, schema version and data.
///
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::encode;
///
/// let stored = encode(2, &TillEvent::CoinAdded { cents: 50 })?;
/// assert_eq!((stored.event_type.as_str(), stored.version), ("CoinAdded", 1));
/// assert_eq!(stored.data["cents"], 50);
/// # Ok::<(), headwater_core::EventError>(())
/// ```
///
/// # Errors
/// [`EventError::Unwritable`] if the enum is not adjacently tagged.
pub fn encode<E: Event>(number: u64, event: &E) -> Result<RecordedEvent, EventError> {
    let tagged =
        serde_json::to_value(event).map_err(|error| EventError::Unwritable(error.to_string()))?;
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
/// ```
/// # mod till {
/// #     use headwater_core as headwater;
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater_core::{EventError, decode, encode};
///
/// let mut stored = encode(2, &TillEvent::CoinAdded { cents: 50 })?;
/// assert_eq!(decode::<TillEvent>(&stored)?, TillEvent::CoinAdded { cents: 50 });
/// stored.version = 2;
/// assert!(matches!(decode::<TillEvent>(&stored), Err(EventError::Newer(_))));
/// # Ok::<(), EventError>(())
/// ```
///
/// # Errors
/// [`EventError::Newer`] for a type or a version that this build does not know, else
/// [`EventError::Unreadable`].
pub fn decode<E: Event>(stored: &RecordedEvent) -> Result<E, EventError> {
    let known = current_version::<E>(&stored.event_type);
    if stored.version > known {
        return Err(NewerEvent::from(stored).into());
    }
    let mut data = stored.data.clone();
    for version in stored.version..known {
        let step = E::UPCASTERS
            .iter()
            .find(|step| step.event_type == stored.event_type && step.from == version);
        let Some(step) = step else {
            return Err(unreadable(stored, format!("no upcaster from version {version}")));
        };
        data = (step.lift)(data);
    }
    let tagged = json!({ "type": stored.event_type, "data": data });
    serde_json::from_value(tagged).map_err(|error| match is_variant::<E>(&stored.event_type) {
        true => unreadable(stored, error.to_string()),
        false => NewerEvent::from(stored).into(),
    })
}

impl From<&RecordedEvent> for NewerEvent {
    fn from(stored: &RecordedEvent) -> Self {
        Self {
            number: stored.number,
            event_type: stored.event_type.clone(),
            version: stored.version,
        }
    }
}

fn unreadable(stored: &RecordedEvent, reason: String) -> EventError {
    EventError::Unreadable {
        event_type: stored.event_type.clone(),
        version: stored.version,
        reason,
    }
}

/// Whether an enum has a variant of this name. The tag alone is read: if it is known, at the most
/// the data is missing.
fn is_variant<E: Event>(event_type: &str) -> bool {
    let tag = MapDeserializer::new(iter::once(("type", event_type)));
    !matches!(E::deserialize(tag), Err(TagError::UnknownVariant))
}

/// Why a tag without its data could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
enum TagError {
    UnknownVariant,
    Other,
}

impl de::Error for TagError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownVariant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            Upcaster {
                event_type: "Paid",
                from: 2,
                lift: |old| json!({ "amount": old["amount"], "currency": "EUR" }),
            },
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
        assert_eq!(
            encode(1, &Till::Paid { amount: 5, currency: "CHF".to_owned() }).unwrap().version,
            3
        );
    }

    #[test]
    fn every_older_version_is_lifted() {
        let euros = Till::Paid { amount: 5, currency: "EUR".to_owned() };
        assert_eq!(decode::<Till>(&stored("Paid", 1, json!({ "cents": 5 }))).unwrap(), euros);
        assert_eq!(decode::<Till>(&stored("Paid", 2, json!({ "amount": 5 }))).unwrap(), euros);
    }

    #[test]
    fn an_unknown_type_or_version_is_newer_and_unfitting_data_is_unreadable() {
        let newer = |event_type: &str, version| {
            Err(NewerEvent { number: 1, event_type: event_type.to_owned(), version }.into())
        };
        for (event_type, version, data) in [
            ("Paid", 4, json!({})),
            ("Paid", 4, json!({ "amount": 5, "currency": "CHF" })),
            ("Robbed", 1, json!({})),
            ("Robbed", 1, json!(null)),
            ("Robbed", 7, json!({ "by": "Bonnie" })),
            ("paid", 1, json!({ "cents": 5 })),
            ("", 1, json!({})),
        ] {
            assert_eq!(
                decode::<Till>(&stored(event_type, version, data)),
                newer(event_type, version)
            );
            assert!(!knows::<Till>(event_type, version), "{event_type} {version}");
        }
        for (event_type, version, data) in [
            ("Paid", 3, json!({})),
            ("Paid", 3, json!({ "amount": "5", "currency": "CHF" })),
            ("Paid", 2, json!(null)),
            ("Paid", 0, json!({})),
            ("Opened", 1, json!(7)),
        ] {
            let unreadable = decode::<Till>(&stored(event_type, version, data));
            assert!(matches!(unreadable, Err(EventError::Unreadable { .. })), "{unreadable:?}");
            assert!(knows::<Till>(event_type, version), "{event_type} {version}");
        }
    }

    /// A value among the data that no variant has is not an event of a newer build: its type would
    /// have got a version.
    #[test]
    fn an_unknown_variant_within_the_data_is_unreadable() {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(tag = "type", content = "data")]
        enum Lamp {
            Set { to: Colour },
        }
        #[derive(Clone, Debug, Serialize, Deserialize)]
        enum Colour {
            Red,
        }
        impl Event for Lamp {}
        let _ = Lamp::Set { to: Colour::Red };
        let unreadable = decode::<Lamp>(&stored("Set", 1, json!({ "to": "Blue" })));
        assert!(matches!(unreadable, Err(EventError::Unreadable { .. })), "{unreadable:?}");
    }
}
