//! What an Idempotency-Key means, and the ids derived from it.
//!
//! A key counts within its *scope*: tenant, subject, method and path. In it the key stands for one
//! *request* for 24 hours, which is
//!
//! - the body as JSON: white space and the order of members do not count; no body is the same as
//!   `{}`. A body that is no JSON counts by its bytes;
//! - the conditions: the versions that `If-Match` and `If-None-Match` name, in any order, however
//!   the answers were rendered.
//!
//! Everything else may differ, as `Consistency-Token` does when the caller has seen more meanwhile.

use std::collections::BTreeSet;

use headwater::Token;
use headwater_dynamodb::{IfMatch, IfNoneMatch, KEY_LIFETIME};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::parameter::is_idempotency_key;
use crate::problem::MALFORMED;
use crate::{Problem, Request, parse_json};

/// A SHA-256 digest.
pub(crate) type Scope = [u8; 32];

/// The Idempotency-Key within its scope, so that no caller meets another's.
///
/// # Errors
/// 400 if it is not 1–255 visible ASCII characters.
pub(crate) fn scope(request: &Request) -> Result<Option<Scope>, Problem> {
    let Some(key) = request.text_header("idempotency-key")? else { return Ok(None) };
    if !is_idempotency_key(key) {
        return Err(Problem::new(
            &MALFORMED,
            "`Idempotency-Key` is 1–255 visible ASCII characters",
        ));
    }
    let caller = &request.caller;
    let parts = [&caller.tenant, &caller.subject, &request.method, &request.raw_path, key];
    Ok(Some(digest(&parts.map(str::as_bytes))))
}

/// A digest of what a key stands for.
///
/// # Errors
/// 400 if a condition cannot be read.
pub(crate) fn of_request(request: &Request) -> Result<Scope, Problem> {
    let if_match = match request.if_match()? {
        None => "none".to_owned(),
        Some(IfMatch::Exists) => "*".to_owned(),
        Some(IfMatch::AnyOf(tokens)) => {
            set(tokens.iter().map(|token| Token { rendering: None, ..token.clone() }.to_string()))
        }
    };
    let if_none_match = match request.if_none_match()? {
        None => "none".to_owned(),
        Some(IfNoneMatch::Absent) => "*".to_owned(),
        Some(IfNoneMatch::NoneOf(tags)) => {
            set(tags.iter().map(|tag| tag.split(';').next().unwrap_or_default().to_owned()))
        }
    };
    Ok(digest(&[&body(request), if_match.as_bytes(), if_none_match.as_bytes()]))
}

/// The body as JSON without white space, the members of each object in order.
fn body(request: &Request) -> Vec<u8> {
    if request.body.is_empty() {
        return b"{}".to_vec();
    }
    // As the command reads it, so that a byte order mark is none of it either.
    parse_json(&request.body)
        .map_or_else(|_| request.body.clone(), |json| json.to_string().into_bytes())
}

/// Tags in order, each once.
fn set(tags: impl Iterator<Item = String>) -> String {
    tags.collect::<BTreeSet<String>>().into_iter().collect::<Vec<_>>().join(",")
}

/// A digest of parts, each with its length before it, so that no two lists of parts run together to
/// the same bytes.
pub(crate) fn digest(parts: &[&[u8]]) -> Scope {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A digest as text.
pub(crate) fn hex(digest: &Scope) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The id of what a request creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdToCreate {
    /// The id.
    pub id: String,
    /// The id that it has if the request was first made the day before; `None` without a key.
    pub earlier: Option<EarlierId>,
}

/// The id of what a request may have created the day before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierId {
    /// The id.
    pub id: String,
    /// What was made before this time was made by another request under the same key, whose 24
    /// hours are over.
    pub since: Timestamp,
}

impl Request {
    /// An id for what the request creates: without an Idempotency-Key a fresh UUID v7. With one it
    /// follows from the request and the day (UUID v8). So it is the same when the request is
    /// repeated, also where no answer could be recorded. and another one when the key stands for a
    /// new request, since its 24 hours are over. Another body under the same key is another
    /// request: it is refused once the first has been recorded, and until then must not pass for
    /// it.
    ///
    /// # Errors
    /// 400 if the key or a condition is malformed.
    pub fn id_to_create(&self) -> Result<IdToCreate, Problem> {
        let Some(scope) = scope(self)? else {
            return Ok(IdToCreate { id: Uuid::now_v7().to_string(), earlier: None });
        };
        let request = of_request(self)?;
        let day = self.now.as_second().div_euclid(KEY_LIFETIME);
        let of = |day: i64| {
            let digest = digest(&[&scope, &request, &day.to_be_bytes()]);
            Builder::from_custom_bytes(digest.first_chunk().copied().unwrap_or_default())
                .into_uuid()
                .to_string()
        };
        let since = Timestamp::from_second(self.now.as_second() - KEY_LIFETIME)
            .map_err(Problem::internal)?;
        Ok(IdToCreate { id: of(day), earlier: Some(EarlierId { id: of(day - 1), since }) })
    }

    /// By what the request is known while its key counts: a digest of key and request; `None`
    /// without a key.
    ///
    /// # Errors
    /// 400 if the key or a condition is malformed.
    pub fn keyed_as(&self) -> Result<Option<String>, Problem> {
        let Some(scope) = scope(self)? else { return Ok(None) };
        Ok(Some(hex(&digest(&[&scope, &of_request(self)?]))))
    }
}
