//! The roles of a service: one for all functions that may do the same.

use headwater_lambda::deployment::Statement;
use headwater_lambda::{Function, Service};

use crate::{one_or_list, pascal};

/// The logical id of the role of a function.
pub(crate) fn id(service: &Service, function: &Function) -> String {
    format!("{}{}Role", pascal(service.name), name(function))
}

fn name(function: &Function) -> &'static str {
    function.roles.first().map_or("", |role| role.name)
}

/// All roles of a service, in the order in which its functions name them.
pub(crate) fn of(service: &Service) -> String {
    let mut named: Vec<&Function> = Vec::new();
    for function in &service.functions {
        match named.iter().find(|known| name(known) == name(function)) {
            None => named.push(function),
            Some(known) => assert_eq!(
                known.roles,
                function.roles,
                "two roles of {} are named {}: give one of them another name",
                service.name,
                name(function)
            ),
        }
    }
    named.into_iter().map(|function| resource(service, function)).collect()
}

fn resource(service: &Service, function: &Function) -> String {
    let (id, service) = (id(service, function), pascal(service.name));
    let head = format!(
        "  {id}:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, \
            Action: sts:AssumeRole}}]
      ManagedPolicyArns: [!Ref TracingPolicy, !Ref {service}LogsPolicy]
"
    );
    let statements: String = function.statements().iter().map(statement).collect();
    if statements.is_empty() {
        return head + "\n";
    }
    format!(
        "{head}      Policies:
        - PolicyName: data
          PolicyDocument:
            Version: \"2012-10-17\"
            Statement:
{statements}
"
    )
}

fn statement(Statement { actions, resources }: &Statement) -> String {
    let (actions, resources) = (one_or_list(actions), one_or_list(resources));
    format!(
        "              - Effect: Allow
                Action: {actions}
                Resource: {resources}
"
    )
}
