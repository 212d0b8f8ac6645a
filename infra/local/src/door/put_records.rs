//! Faults that befall some of the records of a `PutRecords`.

use fastrand::Rng;
use serde_json::{Value, json};

use super::call::AwsCall;
use super::{Answer, Desk, Dropped, refusals};

/// Puts some of the records; at least one fails, for a reason that is worth another try.
pub(super) async fn fail_some(desk: &Desk, call: AwsCall, mut rng: Rng) -> Result<Answer, Dropped> {
    let count = call.records().len();
    let certain = rng.usize(0..count.max(1));
    let put: Vec<usize> = (0..count).filter(|&place| place != certain && rng.bool()).collect();
    put_in_order(desk, call, &put).await
}

/// Puts the records in another order. Within a shard only its readers see it.
pub(super) async fn reorder(desk: &Desk, call: AwsCall, mut rng: Rng) -> Result<Answer, Dropped> {
    let mut order: Vec<usize> = (0..call.records().len()).collect();
    rng.shuffle(&mut order);
    put_in_order(desk, call, &order).await
}

/// Puts the records from these places, in this order. In the answer each result is in the place of
/// its record, and a record left out has failed.
async fn put_in_order(desk: &Desk, mut call: AwsCall, order: &[usize]) -> Result<Answer, Dropped> {
    let mut results: Vec<Value> = (0..call.records().len()).map(failure).collect();
    if !order.is_empty() {
        let records: Vec<Value> =
            order.iter().map(|&place| call.records()[place].clone()).collect();
        let mut input = call.input.take();
        input["Records"] = records.into();
        call.set_input(input);
        let reply = desk.backends.send(&call).await?;
        let output: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let Some(put) = output["Records"].as_array() else { return Ok(reply.into_response()) };
        for (&place, result) in order.iter().zip(put) {
            results[place] = result.clone();
        }
    }
    let failed = results.iter().filter(|result| !result["ErrorCode"].is_null()).count();
    Ok(refusals::some_failed(&json!({"FailedRecordCount": failed, "Records": results})))
}

/// The two reasons for which Kinesis fails single records, in turn.
fn failure(place: usize) -> Value {
    match place % 2 {
        0 => {
            json!({
                "ErrorCode": "ProvisionedThroughputExceededException",
                "ErrorMessage": "Rate exceeded for shard.",
            })
        }
        _ => json!({"ErrorCode": "InternalFailure", "ErrorMessage": "Internal Service Failure"}),
    }
}
