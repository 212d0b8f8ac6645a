//! Roles: what a function may do.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::intrinsics::Scope;
use super::resources::active;
use super::typed;

/// What a function may do: the statements of all its policies.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// The role's name.
    pub name: String,
    /// The role's ARN.
    pub arn: String,
    /// Statements in no particular order; a `Deny` wins over every `Allow`.
    pub statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whether it grants or forbids.
    pub effect: Effect,
    /// Actions such as `dynamodb:PutItem`; `*` and `?` are wildcards; without regard to case.
    pub actions: Vec<String>,
    /// ARNs; `*` and `?` are wildcards.
    pub resources: Vec<String>,
    /// Operator → key → values: `{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["acme*"]}}`.
    /// All must hold.
    pub conditions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// Whether a statement grants or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Effect {
    /// It grants.
    Allow,
    /// It forbids.
    Deny,
}

impl Role {
    /// Whether an unconditional statement allows `action` on `resource` and none forbids it.
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        let covering = |effect: Effect| {
            self.statements.iter().filter(move |s| s.effect == effect && s.covers(action, resource))
        };
        covering(Effect::Allow).any(|s| s.conditions.is_empty())
            && covering(Effect::Deny).next().is_none()
    }
}

impl Statement {
    /// Whether the statement speaks of `action` on `resource`, its conditions aside.
    pub fn covers(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|a| matches(&a.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|r| matches(r, resource))
    }
}

/// Whether `text` matches `pattern`, in which `*` matches any text and `?` any one character.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            last_star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star, taken)) = last_star {
            // The star takes one character more, and the rest is tried again.
            last_star = Some((star, taken + 1));
            (p, t) = (star + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// The roles of a template by their ARN, which is how functions name them.
pub(super) struct Roles(BTreeMap<String, Role>);

impl Roles {
    pub(super) fn by_arn(&self, arn: &str) -> Result<Role> {
        self.0.get(arn).cloned().with_context(|| format!("the template has no role {arn}"))
    }
}

/// Reads every `AWS::IAM::Role`. Managed policies are passed over: those in use only let a function
/// write its logs.
pub(super) fn read_all(document: &Value, scope: &Scope) -> Result<Roles> {
    let mut roles = BTreeMap::new();
    for resource in active(document, scope)? {
        if resource.kind == "AWS::IAM::Role" {
            let role = read(&resource.properties["Policies"], resource.logical_id, scope)
                .with_context(|| format!("role {}", resource.logical_id))?;
            roles.insert(role.arn.clone(), role);
        }
    }
    Ok(Roles(roles))
}

/// The inline policies of one role.
fn read(policies: &Value, logical_id: &str, scope: &Scope) -> Result<Role> {
    let identity = scope.identity(logical_id)?;
    let (name, arn) = (identity.name.clone(), identity.arn());
    let mut role = Role { name, arn, statements: Vec::new() };
    for policy in scope.resolve(policies)?.as_array().into_iter().flatten() {
        for statement in one_or_many(&policy["PolicyDocument"]["Statement"]) {
            role.statements.push(read_statement(statement)?);
        }
    }
    Ok(role)
}

fn read_statement(statement: Value) -> Result<Statement> {
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    let keys = statement.as_object().context("a statement is an object")?.keys();
    if let Some(other) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
        bail!("{other} in a statement is not supported on one machine");
    }
    let mut conditions = BTreeMap::new();
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        let keys = keys.as_object().context("a condition maps keys to values")?;
        let keys = keys.iter().map(|(key, values)| Ok((key.clone(), texts(values)?)));
        conditions.insert(operator.clone(), keys.collect::<Result<_>>()?);
    }
    Ok(Statement {
        effect: typed(statement["Effect"].clone())?,
        actions: texts(&statement["Action"])?,
        resources: texts(&statement["Resource"])?,
        conditions,
    })
}

fn texts(value: &Value) -> Result<Vec<String>> {
    one_or_many(value).iter().map(super::intrinsics::text).collect()
}

/// IAM takes one value where it takes a list.
fn one_or_many(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}
