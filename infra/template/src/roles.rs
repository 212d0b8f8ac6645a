//! The roles of a service: one for all functions that may do the same.

use headwater_lambda::Service;
use headwater_lambda::deployment::{Role, Statement};

use crate::{one_or_list, pascal};

/// The logical id of a role.
pub(crate) fn id(service: &Service, role: &Role) -> String {
    format!("{}{}Role", pascal(service.name), role.name)
}

/// All roles of a service, in the order in which its functions name them.
pub(crate) fn of(service: &Service) -> String {
    let mut roles: Vec<&Role> = Vec::new();
    for function in &service.functions {
        match roles.iter().find(|known| known.name == function.role.name) {
            None => roles.push(function.role),
            Some(known) => assert_eq!(
                *known, function.role,
                "two roles of {} are named {}: give one of them another name",
                service.name, known.name
            ),
        }
    }
    roles.into_iter().map(|role| resource(service, role)).collect()
}

fn resource(service: &Service, role: &Role) -> String {
    let (id, service) = (id(service, role), pascal(service.name));
    let head = format!(
        "  {id}:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: sts:AssumeRole}}]
      ManagedPolicyArns: [!Ref TracingPolicy, !Ref {service}LogsPolicy]
"
    );
    if role.statements.is_empty() {
        return head + "\n";
    }
    let statements: String = role.statements.iter().map(statement).collect();
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
