//! `template.yaml`, written from the services: for each function its route or stream, role,
//! environment and size, for each service its logs and alarms. What every system has is in a base:
//! parameters, API, tables, streams, alarms, dashboard. What one system needs besides is in a file
//! of its own.
//!
//! The written file is what is deployed, and it also drives the platform on one machine. So it is
//! in the repository, and a test fails if it is stale.

mod alarms;
mod functions;
mod own;
mod roles;

use std::path::Path;

use headwater_lambda::Service;
use headwater_lambda::deployment::{KEYS, UNIQUE_KEY};

pub use own::UnknownSection;

/// What every system has.
const BASE: &str = include_str!("../base.yaml");

/// The secret of services whose things hold unique values.
const UNIQUE_VALUE_KEY: &str = "  UniqueValueKey:
    Type: String
    NoEcho: true
    MinLength: 32
    Description: >-
      Secret key of the digests that name the streams of unique values, as user names. It must never
      change: under another key every taken name would look free.
";

/// The secret of services that tell of persons.
const PERSONAL_KEY: &str = "  PersonalKey:
    Type: String
    NoEcho: true
    MinLength: 32
    Description: >-
      Secret master key of the keys under which events keep what tells of a person. It must never
      change: under another key nobody can read that.
";

/// The table of services that tell of persons.
const KEYS_TABLE: &str = "
  # The keys of those whom events tell of. It has no backup: whoever restored a destroyed key would
  # bring back somebody who was forgotten.
  KeysTable:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
      KeySchema:
        - {AttributeName: pk, KeyType: HASH}
        - {AttributeName: sk, KeyType: RANGE}
      DeletionProtectionEnabled: true
      SSESpecification: {SSEEnabled: true}

";

/// Its name.
const KEYS_TABLE_NAME: &str = "  KeysTableName:
    Value: !Ref KeysTable
";

/// The template of these services.
///
/// `own` is what they need beside the base, as YAML with the sections `Parameters`, `Resources`,
/// `Alarms`, `Widgets` (lines of the dashboard's JSON) and `Outputs`; it may be empty. `header` is
/// the comment at the file's beginning, without `# `: how it is written.
///
/// ```
/// use headwater_lambda::{Call, Function, Problem, Service};
/// use headwater_template::render;
///
/// let call = Call::public("shop-hours", "/shop/hours", "When the shop is open.");
/// let hours = Function::http(call, |_, _| async { Err(Problem::not_found("such shop")) });
/// let shop = Service::shared("shop", "shop").functions([hours]);
/// let own = "Outputs:\n  Door:\n    Value: front\n";
/// let template = render(&[shop], own, "Written by a test.")?;
/// assert!(template.contains("Handler: shop-hours"));
/// assert!(template.contains("  Door:\n    Value: front\n"));
/// # Ok::<(), headwater_template::UnknownSection>(())
/// ```
///
/// # Errors
/// If `own` has another section.
pub fn render(services: &[Service], own: &str, header: &str) -> Result<String, UnknownSection> {
    let own = own::sections(own)?;
    let of_all = |part: fn(&Service) -> String| services.iter().map(part).collect::<String>();
    let has = |variable| {
        let mut functions = services.iter().flat_map(|service| &service.functions);
        functions.any(|function| function.environment().contains(&variable))
    };
    let [has_unique_values, has_keys] = [has(UNIQUE_KEY), has(KEYS[0])];
    let if_it_has = |has: bool, part: &'static str| if has { part } else { "" };
    let mut filled = BASE
        .replace("  # <unique value key>\n", if_it_has(has_unique_values, UNIQUE_VALUE_KEY))
        .replace("  # <personal key>\n", if_it_has(has_keys, PERSONAL_KEY))
        .replace("  # <keys table>\n", if_it_has(has_keys, KEYS_TABLE))
        .replace("  # <keys table's name>\n", if_it_has(has_keys, KEYS_TABLE_NAME))
        .replace("<first service>", services.first().map_or("", |service| service.name))
        .replace("  # <logs>\n", &of_all(logs))
        .replace("  # <functions>\n", &of_all(functions_and_roles))
        .replace("  # <alarms>\n", &of_all(alarms::of));
    for (section, text) in own {
        let place = format!("# <own {}>\n", section.to_lowercase());
        filled = filled.lines().fold(String::new(), |filled, line| {
            if line.trim_start() == place.trim_end() {
                filled + &text
            } else {
                filled + line + "\n"
            }
        });
    }
    let (first, rest) = filled.split_once('\n').unwrap_or((&filled, ""));
    let header: String = header.lines().map(|line| format!("# {line}\n")).collect();
    let mut text = format!("{first}\n{header}{rest}");
    // Parts end in an empty line each, and so does what they stand in.
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    Ok(text)
}

/// Compares the file at `path` with what it should be, for a test. With the variable `BLESS` set,
/// the file is written instead.
///
/// ```no_run
/// use std::path::Path;
///
/// use headwater_lambda::Service;
/// use headwater_template::{check, render};
///
/// /// The test of a system's `template.yaml`.
/// fn is_up_to_date(services: &[Service]) -> Result<(), Box<dyn std::error::Error>> {
///     let template = render(services, "", "Written by a test.")?;
///     Ok(check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml"), &template)?)
/// }
/// ```
///
/// # Errors
/// A message that names the first line that differs, or why the file cannot be read or written.
pub fn check(path: &Path, expected: &str) -> Result<(), String> {
    let named = |error| format!("{}: {error}", path.display());
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(path, expected).map_err(named);
    }
    let written = std::fs::read_to_string(path).map_err(named)?;
    if written == expected {
        return Ok(());
    }
    let differs = written.lines().zip(expected.lines()).find(|(is, should)| is != should);
    Err(match differs {
        Some((is, should)) => {
            format!("{} is stale.\n  is:     {is}\n  should: {should}", path.display())
        }
        None => format!("{} is stale: its end differs", path.display()),
    })
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
