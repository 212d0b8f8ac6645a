//! What a request may hold, and how a violation names its place.

mod numbers;
mod shapes;
mod texts;

use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The body as a command, or what is wrong with it: each a place, as JSON names it, and a text.
pub(super) fn read<T: Validate<Context = ()> + DeserializeOwned>(
    body: Value,
) -> Result<T, Vec<(String, String)>> {
    let misshapen = |error: serde_path_to_error::Error<serde_json::Error>| {
        vec![(error.path().to_string(), error.inner().to_string())]
    };
    let command: T = serde_path_to_error::deserialize(body).map_err(misshapen)?;
    let invalid = |report: garde::Report| {
        report
            .iter()
            .map(|(path, error)| (camel_case(&path.to_string()), error.to_string()))
            .collect()
    };
    match command.validate() {
        Ok(()) => Ok(command),
        Err(report) => Err(invalid(report)),
    }
}

/// garde reports fields by their names in Rust.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The places at fault, in order.
#[track_caller]
pub(super) fn faults<T: Validate<Context = ()> + DeserializeOwned>(body: Value) -> Vec<String> {
    let mut places: Vec<String> =
        read::<T>(body).err().unwrap_or_default().into_iter().map(|(place, _)| place).collect();
    places.sort();
    places
}

/// The text of the only fault, which is at this place.
#[track_caller]
pub(super) fn fault<T: Validate<Context = ()> + DeserializeOwned>(
    body: Value,
    place: &str,
) -> String {
    let shown = body.to_string();
    match &read::<T>(body).err().unwrap_or_default()[..] {
        [(found, text)] if found == place => text.clone(),
        found => panic!("{shown} was to be wrong at {place}, but is at {found:?}"),
    }
}

pub(super) fn is_valid<T: Validate<Context = ()> + DeserializeOwned>(body: Value) -> bool {
    read::<T>(body).is_ok()
}

pub(super) fn merged(mut body: Value, changes: Value) -> Value {
    let changes = changes.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(changes);
    body
}

pub(super) fn customer(changes: Value) -> Value {
    merged(json!({ "name": "Acme", "email": "pay@acme.example" }), changes)
}

pub(super) fn item(changes: Value) -> Value {
    merged(
        json!({
            "description": "Consulting",
            "quantity": "1.5",
            "unitPrice": "12.50",
            "taxRate": "0.19",
        }),
        changes,
    )
}

pub(super) fn create(changes: Value) -> Value {
    merged(
        json!({
            "customer": customer(json!({})),
            "currency": "EUR",
            "lineItems": [item(json!({}))],
        }),
        changes,
    )
}

pub(super) fn payment(changes: Value) -> Value {
    merged(json!({ "amount": "12.50", "at": "2026-01-01T00:00:00Z", "reference": "0815" }), changes)
}

/// Whether `colour` is refused. Where a member was put apart, the text alone names it; the pointer
/// is then made from that.
pub(super) fn names_the_unknown<T: Validate<Context = ()> + DeserializeOwned>(body: Value) -> bool {
    read::<T>(body)
        .err()
        .unwrap_or_default()
        .iter()
        .any(|(_, text)| text.starts_with("unknown field `colour`"))
}
