//! Answers that say no, in the words of AWS.

use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::Answer;
use super::call::{AwsCall, NoCall, Service};

/// DynamoDB's own errors, and those that all services share.
const DYNAMODB: &str = "com.amazonaws.dynamodb.v20120810#";
const COMMON: &str = "com.amazon.coral.service#";

/// The caller may not do this.
pub(super) fn access_denied(service: Service, message: &str) -> Answer {
    match service {
        Service::S3 => s3(StatusCode::FORBIDDEN, "AccessDenied", message),
        _ => json_error(
            service,
            json!({"__type": format!("{COMMON}AccessDeniedException"), "Message": message}),
        ),
    }
}

/// The request names another machine than this one: see [`crate::loopback`].
pub(super) fn from_elsewhere() -> Answer {
    access_denied(Service::DynamoDb, "`Host` and `Origin` must name this machine")
}

/// The access key belongs to no function.
pub(super) fn unknown_key(service: Service) -> Answer {
    let message = "The security token included in the request is invalid.";
    match service {
        Service::S3 => s3(StatusCode::FORBIDDEN, "InvalidAccessKeyId", message),
        _ => json_error(
            service,
            json!({"__type": format!("{COMMON}UnrecognizedClientException"), "message": message}),
        ),
    }
}

/// The request is no call.
pub(super) fn no_call(why: NoCall) -> Answer {
    match why {
        NoCall::Unsigned => {
            let kind = format!("{COMMON}MissingAuthenticationTokenException");
            let message = "Request is missing Authentication Token";
            json_error(Service::DynamoDb, json!({"__type": kind, "message": message}))
        }
        NoCall::Unreadable(Service::S3) => s3(
            StatusCode::BAD_REQUEST,
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
        ),
        NoCall::Unreadable(service) => {
            json_error(service, json!({"__type": format!("{COMMON}SerializationException")}))
        }
    }
}

/// More calls than the table or the shard takes.
pub(super) fn throttled(call: &AwsCall) -> Answer {
    let (namespace, message) = match call.service {
        Service::DynamoDb => {
            (DYNAMODB, "The level of configured provisioned throughput for the table was exceeded.")
        }
        _ => ("", "Rate exceeded for shard."),
    };
    json_error(
        call.service,
        json!({
            "__type": format!("{namespace}ProvisionedThroughputExceededException"),
            "message": message,
        }),
    )
}

/// Another transaction has the item; of a transaction's items it has the first.
pub(super) fn transaction_conflict(call: &AwsCall) -> Answer {
    meeting(call, |index| index == 0)
}

/// Another transaction has the item; of a transaction's items those for which that is said. Of a
/// batch nothing is written then.
pub(super) fn meeting(call: &AwsCall, is_met: impl Fn(usize) -> bool) -> Answer {
    match call.operation.as_str() {
        "BatchWriteItem" => {
            let output = json!({"UnprocessedItems": call.input["RequestItems"]});
            answer(StatusCode::OK, "application/x-amz-json-1.0", output.to_string())
        }
        _ => json_error(call.service, conflict(call, is_met)),
    }
}

/// The error of what met another transaction. A transaction is cancelled with a reason for each of
/// its items.
pub(super) fn conflict(call: &AwsCall, is_met: impl Fn(usize) -> bool) -> Value {
    let ongoing = "Transaction is ongoing for the item";
    let Some(items) = call.input["TransactItems"].as_array() else {
        return json!({
            "__type": format!("{DYNAMODB}TransactionConflictException"),
            "message": ongoing,
        });
    };
    let reason = |index| match is_met(index) {
        true => json!({"Code": "TransactionConflict", "Message": ongoing}),
        false => json!({"Code": "None"}),
    };
    let reasons: Vec<Value> = (0..items.len()).map(reason).collect();
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    json!({
        "__type": format!("{DYNAMODB}TransactionCanceledException"),
        "Message": message,
        "CancellationReasons": reasons,
    })
}

/// The transaction came again while it is under way.
pub(super) fn in_progress(call: &AwsCall) -> Answer {
    let message = "Transaction is in progress";
    json_error(
        call.service,
        json!({"__type": format!("{DYNAMODB}TransactionInProgressException"), "Message": message}),
    )
}

/// The transaction was repeated after it was carried out: it succeeds again.
pub(super) fn done_already() -> Answer {
    answer(StatusCode::OK, "application/x-amz-json-1.0", "{}".to_owned())
}

/// `PutRecords` succeeds even when records fail; the output says which.
pub(super) fn some_failed(output: &Value) -> Answer {
    answer(StatusCode::OK, "application/x-amz-json-1.1", output.to_string())
}

fn json_error(service: Service, error: Value) -> Answer {
    let content_type = if service == Service::Kinesis {
        "application/x-amz-json-1.1"
    } else {
        "application/x-amz-json-1.0"
    };
    answer(StatusCode::BAD_REQUEST, content_type, error.to_string())
}

fn s3(status: StatusCode, code: &str, message: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    answer(status, "application/xml", body)
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Answer::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    answer
}
