use garde::{Path, Report, Validate};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::split::split;

/// A command's body with, beside the command's own members, the version that its caller decided on: `{"currency": "EUR", "version": 3}`.
///
/// What was appended since then and commutes with the command does not stand in its way; what does not is a conflict.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OnVersion<T> {
    /// The number of the last event that the caller knew. Left out, or null: the command is decided on the latest state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The command.
    #[serde(flatten)]
    pub command: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OnVersion<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (version, command) = split::<D, Option<u64>, T>(deserializer, "version")?;
        Ok(Self { version: version.flatten(), command })
    }
}

/// Violations are named as those of the command alone: its members are the body's.
impl<T: Validate> Validate for OnVersion<T> {
    type Context = T::Context;

    fn validate_into(&self, context: &Self::Context, parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        self.command.validate_into(context, parent, report);
    }
}
