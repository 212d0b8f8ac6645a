use headwater::{Event, EventError, RecordedEvent, decode};

/// All types of an event enum, as serde itself lists them when it meets an unknown one: so none can be forgotten.
///
/// # Panics
/// If serde's message is no such list.
pub fn event_types<E: Event>() -> Vec<String> {
    let data = serde_json::json!({});
    let unknown = RecordedEvent { number: 1, event_type: "?".to_owned(), version: 1, data };
    let Err(EventError::Unreadable { reason, .. }) = decode::<E>(&unknown) else { panic!("`?` is no event type") };
    let (_, expected) = reason.split_once("expected").unwrap_or_else(|| panic!("serde lists no variants: {reason}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
