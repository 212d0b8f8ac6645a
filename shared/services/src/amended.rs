//! What an amendment changes, for the person who decides on it.

use std::collections::BTreeSet;
use std::slice;

use headwater::{
    Commit, EventError, ProjectionFn, RecordedEvent, Row, StreamName, UniqueValue, unmarked,
};
use json_patch::PatchOperation;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// An amendment, and what it changes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amended {
    /// Whether it was only tried: then nothing is written.
    pub dry_run: bool,
    /// The stream's version before it.
    pub before: u64,
    /// The stream's version after it.
    pub version: u64,
    /// Its events.
    pub events: Vec<AmendedEvent>,
    /// What changes in the state that the rules see, as a JSON Patch (RFC 6902).
    pub state: Vec<Change>,
    /// The rows that change.
    pub rows: Vec<RowChange>,
    /// The unique values that the thing holds.
    pub unique_values: HeldValues,
    /// The numbers of the events that ask for an effect outside, as a mail.
    pub effects: Vec<u64>,
}

/// An event of an amendment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmendedEvent {
    /// Its number in the stream.
    pub number: u64,
    /// Its type, as `UserNameSet`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The schema version of `data`: today's.
    pub version: u32,
    /// What happened, as an object.
    pub data: Value,
}

/// One operation of a JSON Patch, with the value that was there before.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `add`, `remove` or `replace`.
    pub op: String,
    /// Where, as a JSON pointer.
    pub path: String,
    /// What was there. A JSON Patch ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub was: Option<Value>,
    /// What is there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub value: Option<Value>,
}

/// What changes in a row that queries read.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowChange {
    /// Its name without the tenant.
    pub row: String,
    /// Whether there was such a thing before.
    pub existed: bool,
    /// Whether there is one now.
    pub exists: bool,
    /// What changes in it, as a JSON Patch.
    pub changes: Vec<Change>,
}

/// The unique values that a thing holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldValues {
    /// Before the amendment.
    pub before: Vec<HeldValue>,
    /// After it.
    pub after: Vec<HeldValue>,
}

/// A unique value that a thing holds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldValue {
    /// As `user-names`.
    pub category: String,
    /// The value in its normal form.
    pub value: String,
}

impl From<&RecordedEvent> for AmendedEvent {
    fn from(event: &RecordedEvent) -> Self {
        let RecordedEvent { number, event_type, version, data } = event.clone();
        Self { number, event_type, version, data: unmarked(data) }
    }
}

impl From<&UniqueValue> for HeldValue {
    fn from(value: &UniqueValue) -> Self {
        Self { category: value.category.to_owned(), value: value.normalized.clone() }
    }
}

/// What changes from one state or row to another.
pub(crate) fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let (before, after) = (&unmarked(before.clone()), &unmarked(after.clone()));
    // Each operation is about the document as the ones before have left it.
    let mut now = before.clone();
    json_patch::diff(before, after).0.iter().map(|operation| change(&mut now, operation)).collect()
}

/// One operation of a patch, which it carries out.
fn change(now: &mut Value, operation: &PatchOperation) -> Change {
    let shown = json!(operation);
    let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    let (op, path) = (text("op"), text("path"));
    let was = now.pointer(&path).cloned().filter(|_| op != "add");
    // It fits, since it comes from a comparison of this very document.
    json_patch::patch(now, slice::from_ref(operation)).unwrap_or_default();
    Change { op, path, was, value: shown.get("value").cloned() }
}

/// What changes in the rows of a stream: all that are folded from it alone. `commits` are all of
/// the stream, the last one being new.
pub(crate) fn row_changes(
    projections: &[ProjectionFn],
    stream: &StreamName,
    commits: &[Commit],
) -> Result<Vec<RowChange>, EventError> {
    let category = stream.category();
    let (new, history) = commits
        .split_last()
        .map_or((&[][..], commits), |(_, history)| (&commits[history.len()..], history));
    let mut rows = Vec::new();
    for projection in projections.iter().filter(|projection| projection.source() == category) {
        let names = match projection.parts {
            Some(parts) => parts(stream, new)?,
            None => BTreeSet::from([stream.clone()]),
        };
        for name in names {
            let fold = |commits| (projection.apply)(&name, &Row::default(), commits);
            let (before, after) = (fold(history)?.row, fold(commits)?.row);
            rows.extend(row_change(&name, &before, &after));
        }
    }
    Ok(rows)
}

fn row_change(name: &StreamName, before: &Row, after: &Row) -> Option<RowChange> {
    let exists = |row: &Row| row.version > 0 && !row.deleted;
    let shown = |row: &Row| if row.version > 0 { row.data.clone() } else { json!({}) };
    let (existed, exists) = (exists(before), exists(after));
    let changes = changes(&shown(before), &shown(after));
    let row = name.within_tenant().to_owned();
    let is_same = changes.is_empty() && existed == exists;
    (!is_same).then_some(RowChange { row, existed, exists, changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_tells_what_was_there() {
        let shown = |before: Value, after: Value| {
            let changes = changes(&before, &after);
            let text = |change: &Change| {
                let Change { op, path, was, value } = change;
                let shown = |value: &Option<Value>| {
                    value.as_ref().map_or_else(String::new, Value::to_string)
                };
                format!("{op} {path} {} {}", shown(was), shown(value))
            };
            changes.iter().map(text).collect::<Vec<_>>()
        };
        let before = json!({ "a": 1, "b": null, "list": [1, 2, 3], "same": true });
        let after = json!({ "b": 2, "c": null, "list": [1], "same": true });
        assert_eq!(
            shown(before, after),
            [
                "replace /b null 2",
                "add /c  null",
                "remove /list/1 2 ",
                "remove /list/1 3 ",
                "remove /a 1 ",
            ]
        );
        assert_eq!(shown(json!([1]), json!([1])), [""; 0]);
    }
}
