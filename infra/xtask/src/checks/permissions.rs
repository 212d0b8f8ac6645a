//! Least privilege: every function has a role that is written out here, every statement names its
//! resource, and nothing may rewrite history.

use crate::template::{Statement, Template, items, text};

/// Actions of services that have no resources which a policy could name.
const WITHOUT_RESOURCE: [&str; 2] = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];

/// All that anybody may do with the events table and its stream: append and read.
const ON_EVENTS: [&str; 9] = [
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DescribeStream",
    "dynamodb:ListStreams",
    "dynamodb:GetShardIterator",
    "dynamodb:GetRecords",
];

/// All that anybody may do with the keys of persons: make and destroy them, and read them one by
/// one. A key that is deleted would look as if it had never been, and could be made again.
const ON_KEYS: [&str; 2] = ["dynamodb:PutItem", "dynamodb:GetItem"];

/// The role that moves commits to the archive, and what it may do besides.
const ARCHIVER: (&str, [&str; 2]) = ("ArchiveRole", ["dynamodb:Scan", "dynamodb:DeleteItem"]);

pub(super) fn check(template: &Template) -> Vec<String> {
    let mut findings = roles(template);
    findings.extend(only_policies_of_ours(template));
    for statement in template.statements() {
        findings.extend(wildcards(&statement));
        findings.extend(rewritten_history(&statement));
        findings.extend(lost_keys(&statement));
    }
    findings
}

fn roles(template: &Template) -> Vec<String> {
    let roles: Vec<String> = template
        .resources()
        .filter(|(_, kind, _)| *kind == "AWS::IAM::Role")
        .map(|(id, ..)| format!("{id}.Arn"))
        .collect();
    template
        .functions()
        .filter(|(_, function)| !roles.iter().any(|known| known == text(&function["Role"])))
        .map(|(id, _)| {
            format!("{id}: no role of this template: name one in `Role: !GetAtt …Role.Arn`")
        })
        .collect()
}

fn only_policies_of_ours(template: &Template) -> Vec<String> {
    let ours: Vec<&str> = template
        .resources()
        .filter(|(_, kind, _)| *kind == "AWS::IAM::ManagedPolicy")
        .map(|(id, ..)| id)
        .collect();
    let ready_in_functions = template
        .functions()
        .filter(|(_, function)| !function["Policies"].is_null())
        .map(|(id, _)| {
            format!(
                "{id}: `Policies` are SAM's ready ones, which allow too much: write statements in \
                 its role"
            )
        });
    let ready_in_roles = template.resources().flat_map(|(id, _, properties)| {
        items(&properties["ManagedPolicyArns"])
            .map(text)
            .filter(|policy| !ours.contains(policy))
            .map(|policy| {
                format!(
                    "{id}: {policy:?} is not written out in this template: write its statements \
                     here"
                )
            })
            .collect::<Vec<_>>()
    });
    ready_in_functions.chain(ready_in_roles).collect()
}

fn wildcards(statement: &Statement<'_>) -> Vec<String> {
    let owner = statement.owner;
    let mut findings: Vec<String> = statement
        .actions
        .iter()
        .filter(|action| action.contains('*'))
        .map(|action| format!("{owner}: {action}: name the actions that are needed"))
        .collect();
    let can_name_one = statement.actions.iter().any(|action| !WITHOUT_RESOURCE.contains(action));
    if can_name_one && statement.resources.contains(&"*") {
        findings.push(format!(
            "{owner}: Resource \"*\" for {}: name the resource",
            statement.actions.join(", ")
        ));
    }
    findings
}

fn rewritten_history(statement: &Statement<'_>) -> Vec<String> {
    if !statement.resources.iter().any(|resource| resource.contains("EventsTable")) {
        return Vec::new();
    }
    statement
        .actions
        .iter()
        .filter(|action| !ON_EVENTS.contains(action))
        .filter(|action| !(statement.owner.ends_with(ARCHIVER.0) && ARCHIVER.1.contains(action)))
        .map(|action| {
            format!(
                "{}: {action} on the events table: history is appended to and read, nothing else",
                statement.owner
            )
        })
        .collect()
}

fn lost_keys(statement: &Statement<'_>) -> Vec<String> {
    let is_about_keys = statement.resources.iter().any(|resource| resource.contains("KeysTable"));
    let wrong = statement.actions.iter().filter(|action| !ON_KEYS.contains(action));
    wrong
        .filter(|_| is_about_keys)
        .map(|action| {
            let owner = statement.owner;
            format!("{owner}: {action} on the keys table: keys are put and read, nothing else")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{none, one, ours, template};
    use super::*;

    /// A role with one statement.
    fn role(actions: &str, resource: &str) -> Template {
        template(&format!(
            "  R: {{Type: AWS::IAM::Role, Properties: {{Policies: [{{PolicyDocument: {{Statement: \
             [{{Action: [{actions}], Resource: {resource}}}]}}}}]}}}}"
        ))
    }

    #[test]
    fn our_template_grants_only_what_is_needed() {
        none(&check(&ours()));
    }

    #[test]
    fn statements() {
        let rows = [
            ("dynamodb:PutItem", "!GetAtt EventsTable.Arn", None),
            ("dynamodb:UpdateItem", "!GetAtt ViewsTable.Arn", None),
            ("dynamodb:UpdateItem", "!GetAtt EventsTable.Arn", Some("history")),
            ("dynamodb:DeleteItem", "!Sub \"${EventsTable.Arn}\"", Some("history")),
            ("dynamodb:BatchWriteItem", "!GetAtt EventsTable.Arn", Some("history")),
            ("dynamodb:PartiQLUpdate", "!GetAtt EventsTable.Arn", Some("history")),
            ("dynamodb:PutItem", "!GetAtt KeysTable.Arn", None),
            ("dynamodb:DeleteItem", "!GetAtt KeysTable.Arn", Some("keys are put")),
            ("dynamodb:Scan", "!GetAtt KeysTable.Arn", Some("keys are put")),
            ("kinesis:*", "!GetAtt CommitsStream.Arn", Some("name the actions")),
            ("kinesis:PutRecords", "\"*\"", Some("name the resource")),
            ("xray:PutTraceSegments", "\"*\"", None),
            ("xray:PutTraceSegments, s3:GetObject", "\"*\"", Some("name the resource")),
        ];
        for (actions, resource, expected) in rows {
            let findings = check(&role(actions, resource));
            match expected {
                Some(words) => one(&findings, words),
                None => none(&findings),
            }
        }
    }

    #[test]
    fn a_function_without_a_role_is_found() {
        let role = "  R: {Type: AWS::IAM::Role}";
        let function = |role: &str| {
            format!("  F: {{Type: AWS::Serverless::Function, Properties: {{{role}}}}}")
        };
        none(&check(&template(&[role, &function("Role: !GetAtt R.Arn")].join("\n"))));
        one(&check(&template(&function("Role: !GetAtt Missing.Arn"))), "no role");
        one(&check(&template(&function("Timeout: 3"))), "no role");
    }

    #[test]
    fn ready_policies_are_found() {
        one(
            &check(&template(
                "  R: {Type: AWS::IAM::Role, Properties: {ManagedPolicyArns: \
                 [\"arn:aws:iam::aws:policy/Admin\"]}}",
            )),
            "not written out",
        );
        let function = "  F: {Type: AWS::Serverless::Function, Properties: {Role: !GetAtt R.Arn, \
                        Policies: [AmazonS3FullAccess]}}";
        one(&check(&template(&format!("  R: {{Type: AWS::IAM::Role}}\n{function}"))), "ready ones");
    }
}
