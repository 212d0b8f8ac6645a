//! What a function's answer means for its batch.

use bytes::Bytes;
use serde_json::Value;

use super::lane::{Batch, Verdict};
use crate::host::InvokeError;

/// Reads the outcome of an invocation. Without `reports_item_failures` any answer is a success;
/// with it the answer names the records that failed, and one that can't be understood fails the
/// whole batch, as it does on AWS.
pub(super) fn verdict(
    outcome: &Result<Bytes, InvokeError>,
    batch: &Batch,
    reports_item_failures: bool,
) -> Verdict {
    match outcome {
        Err(InvokeError::Throttled) => Verdict::Throttled,
        Err(_) => Verdict::FailedAt(0),
        Ok(_) if !reports_item_failures => Verdict::Done,
        Ok(answer) => match serde_json::from_slice::<Value>(answer) {
            Ok(answer) => reported(&answer, batch),
            Err(_) => Verdict::FailedAt(0),
        },
    }
}

/// The lowest place among those that
/// `{"batchItemFailures": [{"itemIdentifier": "<sequence number>"}]}` names.
fn reported(answer: &Value, batch: &Batch) -> Verdict {
    let failures = match (answer, answer.get("batchItemFailures")) {
        (Value::Null, _) | (Value::Object(_), None | Some(Value::Null)) => return Verdict::Done,
        (_, Some(Value::Array(failures))) => failures,
        _ => return Verdict::FailedAt(0),
    };
    let places = failures.iter().map(|failure| {
        let number = failure.get("itemIdentifier").and_then(Value::as_str)?;
        batch.records.iter().position(|record| record.sequence_number == number)
    });
    // An item that is none of the batch's fails all of it.
    places.map(|place| place.unwrap_or(0)).min().map_or(Verdict::Done, Verdict::FailedAt)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::lane::Record;
    use super::*;

    fn batch() -> Batch {
        let record = |number: &str| Record {
            sequence_number: number.into(),
            key: String::new(),
            arrived_at: 0,
            read_at: 0,
            event: Value::Null,
            bytes: 0,
        };
        Batch { records: ["a", "b", "c"].map(record).into(), failures: 0 }
    }

    #[test]
    fn answers_with_item_failures() {
        let item = |id: &str| json!({ "itemIdentifier": id });
        for (answer, expected) in [
            (json!(null), Verdict::Done),
            (json!({}), Verdict::Done),
            (json!({"batchItemFailures": null}), Verdict::Done),
            (json!({"batchItemFailures": []}), Verdict::Done),
            (json!({"batchItemFailures": [item("b")]}), Verdict::FailedAt(1)),
            (json!({"batchItemFailures": [item("c"), item("b")]}), Verdict::FailedAt(1)),
            (json!({"batchItemFailures": [item("a")]}), Verdict::FailedAt(0)),
            (json!({"batchItemFailures": [item("c"), item("else")]}), Verdict::FailedAt(0)),
            (json!({"batchItemFailures": [item("")]}), Verdict::FailedAt(0)),
            (json!({"batchItemFailures": [{"itemIdentifier": null}]}), Verdict::FailedAt(0)),
            (json!({"batchItemFailures": [{"wrong": "b"}]}), Verdict::FailedAt(0)),
            (json!({"batchItemFailures": "b"}), Verdict::FailedAt(0)),
            (json!("fine"), Verdict::FailedAt(0)),
        ] {
            let outcome = Ok(answer.to_string().into());
            assert_eq!(verdict(&outcome, &batch(), true), expected, "{answer}");
        }
    }

    #[test]
    fn without_item_failures_only_errors_count() {
        let item = json!({"batchItemFailures": [{"itemIdentifier": "b"}]}).to_string();
        assert_eq!(verdict(&Ok(item.into()), &batch(), false), Verdict::Done);
        assert_eq!(verdict(&Ok("nonsense".into()), &batch(), false), Verdict::Done);
        assert_eq!(verdict(&Err(InvokeError::Crashed), &batch(), true), Verdict::FailedAt(0));
        assert_eq!(verdict(&Err(InvokeError::Throttled), &batch(), true), Verdict::Throttled);
    }
}
