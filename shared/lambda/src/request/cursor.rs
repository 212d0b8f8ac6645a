//! Where a list goes on.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headwater::Token;
use serde::{Deserialize, Serialize};

use super::Request;
use super::query_string::encode_path;
use crate::Problem;
use crate::problem::MALFORMED;

/// Where a list goes on: after this sort key, having seen these tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The sort key of the last row given.
    #[serde(rename = "a")]
    pub after: String,
    /// The header of tokens that the list was begun with, so that no later page repeats or loses a
    /// row.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<String>,
}

impl Cursor {
    /// Reads the `cursor` parameter; without one the list is at its start.
    pub(super) fn read(parameter: Option<&str>) -> Result<Self, Problem> {
        let Some(text) = parameter else { return Ok(Self::default()) };
        let cursor =
            URL_SAFE_NO_PAD.decode(text).ok().and_then(|json| serde_json::from_slice(&json).ok());
        cursor.ok_or_else(|| Problem::new(&MALFORMED, "`cursor` is not one that this service gave"))
    }

    /// The sort key to go on after; nothing at the start.
    pub fn after(&self) -> Option<&str> {
        Some(self.after.as_str()).filter(|after| !after.is_empty())
    }

    /// The number to go on after, in lists whose order is one.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn number(&self) -> Result<Option<u64>, Problem> {
        let number = self.after().map(str::parse).transpose();
        number.map_err(|_| Problem::new(&MALFORMED, "`cursor` is one of another list"))
    }
}

impl Request {
    /// The cursor with which a list goes on after a sort key, with this request's tokens.
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn cursor_after(&self, after: Option<String>) -> Result<Option<String>, Problem> {
        let Some(after) = after else { return Ok(None) };
        let tokens = self.tokens()?;
        let tokens = (!tokens.is_empty())
            .then(|| tokens.iter().map(Token::quoted).collect::<Vec<_>>().join(","));
        let json = serde_json::to_vec(&Cursor { after, tokens }).map_err(Problem::internal)?;
        Ok(Some(URL_SAFE_NO_PAD.encode(json)))
    }

    /// This request's path and query with another cursor, percent-encoded.
    pub(crate) fn link_to(&self, cursor: &str) -> String {
        format!("{}?{}", encode_path(&self.raw_path), self.query.with("cursor", cursor))
    }
}
