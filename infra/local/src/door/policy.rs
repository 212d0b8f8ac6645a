//! What a call needs, and whether the caller's role allows it.

use serde_json::Value;

use super::call::{AwsCall, Service};
use super::{Answer, refusals};
use crate::template::{ACCOUNT, Effect, REGION, Role};

/// Who holds an access key.
#[derive(Debug)]
pub(super) enum Caller {
    /// A function, which may do what its role says.
    Function {
        /// The ARN of the role's session, as error messages show it.
        arn: String,
        role: Role,
    },
    /// A person, who may do everything.
    Operator,
}

/// An action on a resource.
#[derive(Debug, PartialEq, Eq)]
struct Need {
    action: String,
    resource: String,
}

impl Caller {
    pub(super) fn function(name: &str, role: &Role) -> Self {
        let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{name}", role.name);
        Self::Function { arn, role: role.clone() }
    }

    /// The answer to a call that the caller may not make.
    pub(super) fn refuse(&self, call: &AwsCall) -> Option<Answer> {
        let Self::Function { arn, role } = self else { return None };
        let Need { action, resource } =
            needs(call).into_iter().find(|need| !role.allows(&need.action, &need.resource))?;
        let denied = role
            .statements
            .iter()
            .any(|s| s.effect == Effect::Deny && s.covers(&action, &resource));
        let why = match denied {
            true => "with an explicit deny in an identity-based policy".to_owned(),
            false => format!("because no identity-based policy allows the {action} action"),
        };
        let message = format!(
            "User: {arn} is not authorized to perform: {action} on resource: {resource} {why}"
        );
        Some(refusals::access_denied(call.service, &message))
    }
}

/// Everything that must be allowed for a call to go through.
fn needs(call: &AwsCall) -> Vec<Need> {
    match call.service {
        Service::DynamoDb => dynamodb(&call.operation, &call.input),
        Service::Kinesis => vec![kinesis(&call.operation, &call.input)],
        Service::S3 => vec![s3(&call.operation, &call.target)],
    }
}

/// A transaction has no action of its own: it needs that of each of its parts. A batch has, and
/// needs it on each table.
fn dynamodb(operation: &str, input: &Value) -> Vec<Need> {
    match operation {
        "TransactWriteItems" | "TransactGetItems" => input["TransactItems"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(part_of_transaction)
            .collect(),
        "BatchGetItem" | "BatchWriteItem" => {
            let tables =
                input["RequestItems"].as_object().into_iter().flat_map(|tables| tables.keys());
            tables.map(|table| on_table(operation, table)).collect()
        }
        "Query" | "Scan" => vec![on_table_or_index(operation, input)],
        _ => vec![match (input["TableName"].as_str(), input["StreamArn"].as_str()) {
            (Some(table), _) => on_table(operation, table),
            (None, Some(stream)) => need(operation, stream.to_owned()),
            // An iterator, a PartiQL statement, a list of everything: only who may use it on every
            // resource may use it.
            (None, None) => need(operation, "*".to_owned()),
        }],
    }
}

fn part_of_transaction(item: &Value) -> Vec<Need> {
    let parts = item.as_object().into_iter().flatten();
    parts
        .map(|(kind, part)| {
            let action = if kind == "ConditionCheck" {
                "ConditionCheckItem".to_owned()
            } else {
                format!("{kind}Item")
            };
            on_table(&action, part["TableName"].as_str().unwrap_or_default())
        })
        .collect()
}

fn on_table_or_index(operation: &str, input: &Value) -> Need {
    let mut need = on_table(operation, input["TableName"].as_str().unwrap_or_default());
    if let Some(index) = input["IndexName"].as_str() {
        need.resource.push_str("/index/");
        need.resource.push_str(index);
    }
    need
}

/// A table may be named by its ARN too.
fn on_table(action: &str, table: &str) -> Need {
    match table.starts_with("arn:") {
        true => need(action, table.to_owned()),
        false => need(action, format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")),
    }
}

fn need(action: &str, resource: String) -> Need {
    Need { action: format!("dynamodb:{action}"), resource }
}

fn kinesis(operation: &str, input: &Value) -> Need {
    let resource = match (input["StreamARN"].as_str(), input["StreamName"].as_str()) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(name)) => format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"),
        (None, None) => "*".to_owned(),
    };
    Need { action: format!("kinesis:{operation}"), resource }
}

fn s3(operation: &str, target: &str) -> Need {
    let path = target.split('?').next().unwrap_or_default().trim_matches('/');
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let action = match operation {
        "ListObjectsV2" => "ListBucket",
        "HeadObject" => "GetObject",
        other => other,
    };
    Need { action: format!("s3:{action}"), resource: format!("arn:aws:s3:::{path}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The needs, as `<action> <resource>` without what all ARNs begin with.
    fn check(needs: &[Need], expected: &[&str]) {
        let short = |need: &Need| {
            let resource = need
                .resource
                .replace(&format!(":{REGION}:{ACCOUNT}:"), ":")
                .replace("arn:aws:", "");
            format!("{} {resource}", need.action)
        };
        assert_eq!(needs.iter().map(short).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn dynamodb_calls_need_actions_on_tables() {
        let input = json!({"TableName": "T"});
        check(&dynamodb("PutItem", &input), &["dynamodb:PutItem dynamodb:table/T"]);
        check(
            &dynamodb("Query", &json!({"TableName": "T", "IndexName": "I"})),
            &["dynamodb:Query dynamodb:table/T/index/I"],
        );
        let by_arn = json!({"TableName": format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/T")});
        check(&dynamodb("Scan", &by_arn), &["dynamodb:Scan dynamodb:table/T"]);
        let batch = json!({"RequestItems": {"A": {}, "B": {}}});
        check(
            &dynamodb("BatchGetItem", &batch),
            &["dynamodb:BatchGetItem dynamodb:table/A", "dynamodb:BatchGetItem dynamodb:table/B"],
        );
        check(&dynamodb("ListTables", &json!({})), &["dynamodb:ListTables *"]);
        check(
            &dynamodb("ExecuteStatement", &json!({"Statement": "SELECT * FROM T"})),
            &["dynamodb:ExecuteStatement *"],
        );
    }

    #[test]
    fn transactions_need_the_actions_of_their_parts() {
        let part = json!({"TableName": "T"});
        let items: Vec<_> = ["Put", "Update", "Delete", "ConditionCheck"]
            .iter()
            .map(|kind| json!({*kind: part}))
            .collect();
        let expected = [
            "dynamodb:PutItem dynamodb:table/T",
            "dynamodb:UpdateItem dynamodb:table/T",
            "dynamodb:DeleteItem dynamodb:table/T",
            "dynamodb:ConditionCheckItem dynamodb:table/T",
        ];
        check(&dynamodb("TransactWriteItems", &json!({"TransactItems": items})), &expected);
        let reads = json!({"TransactItems": [{"Get": {"TableName": "T"}}]});
        check(&dynamodb("TransactGetItems", &reads), &["dynamodb:GetItem dynamodb:table/T"]);
    }

    #[test]
    fn kinesis_and_s3_calls_need_actions_on_streams_and_objects() {
        check(
            &[kinesis("PutRecords", &json!({"StreamName": "S"}))],
            &["kinesis:PutRecords kinesis:stream/S"],
        );
        let by_arn = json!({"StreamARN": format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/S")});
        check(&[kinesis("PutRecords", &by_arn)], &["kinesis:PutRecords kinesis:stream/S"]);
        check(&[s3("ListObjectsV2", "/bucket?list-type=2")], &["s3:ListBucket s3:::bucket"]);
        check(
            &[s3("GetObject", "/bucket/a/b%20c?x-id=GetObject")],
            &["s3:GetObject s3:::bucket/a/b c"],
        );
        check(&[s3("HeadObject", "/bucket/a")], &["s3:GetObject s3:::bucket/a"]);
    }
}
