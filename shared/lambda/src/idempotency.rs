//! What an Idempotency-Key stands for, and the ids that follow from it.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::parameter::is_idempotency_key;
use crate::problem::MALFORMED;
use crate::{Problem, Request};

/// A SHA-256 digest.
pub(crate) type Scope = [u8; 32];

/// The Idempotency-Key within its scope: tenant, subject, method and path, so that nobody meets another's.
///
/// # Errors
/// 400 if it is not 1–255 visible ASCII characters.
pub(crate) fn scope(request: &Request) -> Result<Option<Scope>, Problem> {
    let Some(key) = request.text_header("idempotency-key")? else { return Ok(None) };
    if !is_idempotency_key(key) {
        return Err(Problem::new(&MALFORMED, "`Idempotency-Key` is 1–255 visible ASCII characters"));
    }
    let caller = &request.caller;
    let parts = [&caller.tenant, &caller.subject, &request.method, &request.raw_path, key];
    Ok(Some(digest(&parts.map(str::as_bytes))))
}

/// A digest of parts, each with its length before it, so that no two lists of parts run together to the same bytes.
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

impl Request {
    /// An id for what the request creates: with an Idempotency-Key the same whenever the request is repeated (UUID v8), also where no
    /// answer could be recorded; without one a fresh UUID v7. Another body under the same key is another request: it is refused once the
    /// first has been recorded, and until then must not pass for it.
    ///
    /// # Errors
    /// 400 if the key is malformed.
    pub fn id_to_create(&self) -> Result<String, Problem> {
        let id = match scope(self)? {
            Some(scope) => {
                let digest = digest(&[&scope, &self.body]);
                Builder::from_custom_bytes(digest.first_chunk().copied().unwrap_or_default()).into_uuid()
            }
            None => Uuid::now_v7(),
        };
        Ok(id.to_string())
    }
}
