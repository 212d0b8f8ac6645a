//! `template.yaml`, written from the services: for each function its route or stream, role,
//! environment and size, for each service its logs and alarms. All else stands in a base by hand:
//! parameters, API, tables, streams, alarms that concern one service alone.
//!
//! The file that comes out is what is deployed and what drives the platform on one machine, so it
//! lies in the repository, and a test fails where it is stale.

mod alarms;
mod functions;
mod roles;

use headwater_lambda::Service;

/// The base: tables, streams and alarms of this repository's services.
pub const BASE: &str = include_str!("../base.yaml");

/// What the template begins with, after its first line.
const HEADER: &str = "# Written by `cargo xtask template`, from infra/template/base.yaml and the \
                      services.\n# Change those, not this file.\n";

/// The template of these services. In the base stand three comments where their parts go:
/// `# <logs>`, `# <functions>` and `# <alarms>`.
pub fn render(base: &str, services: &[Service]) -> String {
    let of_all = |part: fn(&Service) -> String| services.iter().map(part).collect::<String>();
    let filled = base
        .replace("  # <logs>\n", &of_all(logs))
        .replace("  # <functions>\n", &of_all(functions_and_roles))
        .replace("  # <alarms>\n", &of_all(alarms::of));
    let (first, rest) = filled.split_once('\n').unwrap_or((&filled, ""));
    let mut text = format!("{first}\n{HEADER}{rest}");
    // Parts end in an empty line each, and so does what they stand in.
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text
}

fn logs(service: &Service) -> String {
    let name = pascal(service.name);
    format!(
        "  {name}Logs:
    Type: AWS::Logs::LogGroup
    Properties: {{RetentionInDays: !Ref LogRetentionDays}}

  {name}LogsPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: \"2012-10-17\"
        Statement:
          - Effect: Allow
            Action: [logs:CreateLogStream, logs:PutLogEvents]
            Resource: !GetAtt {name}Logs.Arn

"
    )
}

fn functions_and_roles(service: &Service) -> String {
    let functions: String =
        service.functions.iter().map(|function| functions::of(service, function)).collect();
    format!("  # --- {}\n\n{}{functions}", pascal(service.name), roles::of(service))
}

/// A name in the form of CloudFormation's logical ids: `identity-get-user` is `IdentityGetUser`.
fn pascal(name: &str) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    name.split('-').map(capitalized).collect()
}

/// One thing as itself, several as a list.
fn one_or_list(items: &[&str]) -> String {
    match items {
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    }
}

#[cfg(test)]
mod tests;
