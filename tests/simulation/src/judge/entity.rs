//! A row is the fold of its events, as fresh as tokens demand, under the right tags.

use serde_json::Value;

use super::tokens::is_told;
use super::{Case, Judge, Verdict, is_row, problem};

impl Judge {
    pub(super) fn entity(&self, case: &Case<'_>) -> Verdict {
        let Case { history, asked, build, answer } = case;
        let (Some(stream), Some(name)) = (asked.call.stream(), asked.call.row()) else {
            return Ok(());
        };
        let least = case.least(&stream)?;
        match (answer.status, problem(answer).as_str()) {
            (200 | 304, _) => {
                let body: Value = serde_json::from_str(&self.body(&name.to_string(), answer)?)
                    .map_err(|error| error.to_string())?;
                let version = body["version"].as_u64().unwrap_or_default();
                if version < least {
                    return Err(format!("a token demands {least}"));
                }
                is_told(answer, &stream, version)?;
                is_row(history, *build, &name, &stream, version, &body["row"])
            }
            (404, _) => {
                // It must not have been there, or been gone, at some version that is not too old.
                let versions = [0]
                    .into_iter()
                    .chain(history.boundaries(&stream))
                    .filter(|version| *version >= least);
                let is_absent = |version| {
                    history
                        .row_at(2, &name, version)
                        .is_none_or(|row| row.version == 0 || row.deleted)
                };
                if versions.into_iter().any(is_absent) {
                    Ok(())
                } else {
                    Err(format!("it is there since before {least}"))
                }
            }
            (503, "store-unavailable" | "not-caught-up") => Ok(()),
            (503, "newer-event") if history.has_newer(&stream) => Ok(()),
            _ => Err("nobody should be told that".to_owned()),
        }
    }
}
