//! `template.yaml` as the checks look at it: resources by name, intrinsic functions reduced to what
//! they name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// The type of a Lambda function in a SAM template.
pub(crate) const FUNCTION: &str = "AWS::Serverless::Function";

/// A template. The YAML tags are gone: `!Ref EventsTable` is the string `EventsTable`,
/// `!GetAtt EventsTable.Arn` is `EventsTable.Arn`, `!If [a, b, c]` is a list.
pub(crate) struct Template {
    text: String,
    parameters: BTreeSet<String>,
    resources: BTreeMap<String, Value>,
}

/// One event of a function: what invokes it.
pub(crate) struct Event<'a> {
    /// The name within the function.
    pub(crate) name: &'a str,
    /// `HttpApi`, `Kinesis`, `DynamoDB`, …
    pub(crate) kind: &'a str,
    /// The event's properties.
    pub(crate) properties: &'a Value,
}

/// One statement of a role or policy.
pub(crate) struct Statement<'a> {
    /// The resource of the template that holds the statement.
    pub(crate) owner: &'a str,
    /// Its actions, one or several.
    pub(crate) actions: Vec<&'a str>,
    /// The resources that it is about, one or several.
    pub(crate) resources: Vec<&'a str>,
}

impl Template {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// The file is missing, is no YAML, or has no resources.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let yaml = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&yaml)
    }

    /// Reads a template from its text.
    ///
    /// # Errors
    /// The text is no YAML, or has no resources.
    pub(crate) fn parse(yaml: &str) -> Result<Self> {
        let document: Value = serde_saphyr::from_str(yaml).context("the template is not YAML")?;
        let resources =
            document["Resources"].as_object().context("the template has no Resources")?;
        Ok(Self {
            text: yaml.to_owned(),
            parameters: document["Parameters"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect(),
            resources: resources.clone().into_iter().collect(),
        })
    }

    /// The file as it is written, with tags and comments.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether `!Ref name` means something: a parameter, a resource, or what CloudFormation itself
    /// knows (`AWS::Region`).
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.parameters.contains(name)
            || self.resources.contains_key(name)
            || name.starts_with("AWS::")
    }

    /// All resources with their type and properties.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.resources
            .iter()
            .map(|(id, resource)| (id.as_str(), text(&resource["Type"]), &resource["Properties"]))
    }

    /// The properties of all Lambda functions.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.resources()
            .filter(|(_, kind, _)| *kind == FUNCTION)
            .map(|(id, _, properties)| (id, properties))
    }

    /// The statements of every role and policy.
    pub(crate) fn statements(&self) -> Vec<Statement<'_>> {
        let inline = self.resources().flat_map(|(id, _, properties)| {
            let policies = properties["Policies"].as_array().map_or(&[][..], Vec::as_slice);
            policies.iter().map(move |policy| (id, &policy["PolicyDocument"]))
        });
        let managed =
            self.resources().map(|(id, _, properties)| (id, &properties["PolicyDocument"]));
        inline
            .chain(managed)
            .flat_map(|(owner, document)| {
                items(&document["Statement"]).map(move |statement| (owner, statement))
            })
            .map(|(owner, statement)| Statement {
                owner,
                actions: items(&statement["Action"]).map(text).collect(),
                resources: items(&statement["Resource"]).map(text).collect(),
            })
            .collect()
    }
}

/// What invokes a function, from its properties.
pub(crate) fn events(function: &Value) -> impl Iterator<Item = Event<'_>> {
    function["Events"].as_object().into_iter().flatten().map(|(name, event)| Event {
        name,
        kind: text(&event["Type"]),
        properties: &event["Properties"],
    })
}

/// A string, or the empty string where there is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The items of a list; a single value counts as a list of one, as CloudFormation has it, and
/// nothing as an empty one.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        single => std::slice::from_ref(single),
    }
    .iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intrinsic_functions_are_reduced_to_what_they_name() {
        let template = Template::parse(
            "Resources:
               F:
                 Type: AWS::Serverless::Function
                 Properties:
                   Role: !GetAtt R.Arn
                   Timeout: !If [Fast, 1, !Ref Slow]
                   Code: !Sub ${Bucket.Arn}/*",
        )
        .expect("a template");
        let (id, function) = template.functions().next().expect("a function");
        assert_eq!(id, "F");
        assert_eq!(function["Role"], "R.Arn");
        assert_eq!(function["Timeout"], serde_json::json!(["Fast", 1, "Slow"]));
        assert_eq!(function["Code"], "${Bucket.Arn}/*");
    }

    #[test]
    fn single_actions_and_resources_count_as_lists() {
        let template = Template::parse(
            "Resources:
               R:
                 Type: AWS::IAM::Role
                 Properties:
                   Policies:
                     - PolicyDocument: {Statement: {Action: a:B, Resource: c}}
                     - PolicyDocument: {Statement: [{Action: [a:B, a:C], Resource: [c, d]}]}",
        )
        .expect("a template");
        let statements = template.statements();
        assert_eq!(statements[0].actions, ["a:B"]);
        assert_eq!(statements[1].resources, ["c", "d"]);
    }
}
