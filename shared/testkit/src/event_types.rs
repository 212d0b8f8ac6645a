use headwater::Event;

/// All types of an event enum, as serde itself lists them when it meets an unknown one: so none can
/// be forgotten.
///
/// ```
/// # mod till { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs")); }
/// # use till::*;
/// let known = headwater_testkit::event_types::<TillEvent>();
/// assert_eq!(known, ["TillOpened", "CoinAdded"]);
/// ```
///
/// # Panics
/// If serde's message is no such list.
pub fn event_types<E: Event>() -> Vec<String> {
    let unknown = serde_json::json!({ "type": "?", "data": {} });
    let Err(error) = serde_json::from_value::<E>(unknown) else { panic!("`?` is no event type") };
    let reason = error.to_string();
    let (_, expected) = reason
        .split_once("expected")
        .unwrap_or_else(|| panic!("serde lists no variants: {reason}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
