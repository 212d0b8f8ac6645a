use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Grant;

/// The secret that grants are signed with.
#[derive(Clone)]
pub struct GrantKey(Hmac<Sha256>);

/// A text is not a grant that was signed with this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a grant that this service signed")]
pub struct InvalidGrant;

impl GrantKey {
    /// What a signed grant looks like, as a regular expression.
    pub const SIGNED: &str = r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}";

    /// Takes a secret of at least 32 bytes, or nothing if it is shorter.
    pub fn new(secret: &[u8]) -> Option<Self> {
        let mac: Result<Hmac<Sha256>, InvalidLength> = Hmac::new_from_slice(secret);
        mac.ok().filter(|_| secret.len() >= 32).map(Self)
    }

    /// The grant as the client carries it: `base64url(JSON).base64url(HMAC-SHA256)`, the second of
    /// the first's characters.
    pub fn sign(&self, grant: &Grant) -> String {
        // Texts, numbers and times can always be written.
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(grant).unwrap_or_default());
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&payload).finalize().into_bytes());
        format!("{payload}.{signature}")
    }

    /// Reads a grant back. The signature is compared in constant time, before anything else is
    /// looked at.
    ///
    /// # Errors
    /// [`InvalidGrant`] if this key did not sign it.
    pub fn verify(&self, signed: &str) -> Result<Grant, InvalidGrant> {
        let (payload, signature) = signed.split_once('.').ok_or(InvalidGrant)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| InvalidGrant)?;
        self.mac(payload).verify_slice(&signature).map_err(|_| InvalidGrant)?;
        let json = URL_SAFE_NO_PAD.decode(payload).map_err(|_| InvalidGrant)?;
        serde_json::from_slice(&json).map_err(|_| InvalidGrant)
    }

    fn mac(&self, payload: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(payload)
    }
}
