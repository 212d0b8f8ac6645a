//! AES-256-GCM-SIV (RFC 8452): it stays safe if a random nonce ever comes twice.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::StoreError;

/// The bytes of a key.
pub(super) const KEY_LEN: usize = 32;

/// The key that seals the keys of subjects. It is in the parameter store, and in no backup of the
/// tables.
///
/// ```
/// use headwater_dynamodb::MasterKey;
///
/// assert!(MasterKey::new(b"too short").is_none());
/// let key = MasterKey::new(b"a secret of at least 32 characters").unwrap();
/// assert_eq!(format!("{key:?}"), "MasterKey(488c2fd2)");
/// ```
pub struct MasterKey {
    cipher: Cipher,
    fingerprint: String,
    signing: hmac::Key,
}

impl MasterKey {
    /// The master key that follows from a secret; `None` if the secret has under 32 bytes.
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.len() < KEY_LEN {
            return None;
        }
        let derive = |purpose: &[u8]| digest(&SHA256, &[purpose, secret].concat());
        let cipher = Cipher::new(derive(b"headwater master key\n").as_ref())?;
        let fingerprint = derive(b"headwater master key's fingerprint\n");
        let signing = hmac::Key::new(HMAC_SHA256, derive(b"headwater certificates\n").as_ref());
        let fingerprint = hex(&fingerprint.as_ref()[..4]);
        Some(Self { cipher, fingerprint, signing })
    }

    pub(super) fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// Which key it is. It tells nothing of the secret.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl MasterKey {
    /// The HMAC-SHA256 of a text, in hexadecimal.
    pub(crate) fn sign(&self, text: &str) -> String {
        hex(hmac::sign(&self.signing, text.as_bytes()).as_ref())
    }

    /// Whether this key has signed a text so.
    pub(crate) fn has_signed(&self, text: &str, signature: &str) -> bool {
        let byte = |at| u8::from_str_radix(signature.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..signature.len()).step_by(2).map(byte).collect();
        bytes.is_some_and(|bytes| hmac::verify(&self.signing, text.as_bytes(), &bytes).is_ok())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint)
    }
}

/// Seals and opens bytes under one key.
pub(super) struct Cipher(RandomizedNonceKey);

impl Cipher {
    /// `None` if the key has not 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM_SIV, key).ok().map(Self)
    }

    /// The nonce, the sealed bytes, and the tag. They are opened only with the same `bound` bytes.
    pub(super) fn seal(&self, bytes: Vec<u8>, bound: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut sealed = bytes;
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(bound), &mut sealed)
            .map_err(|_| StoreError::Refused("a value cannot be sealed".to_owned()))?;
        Ok([nonce.as_ref().as_slice(), sealed.as_slice()].concat())
    }

    /// What was sealed; `None` if it was not sealed by this key and with these `bound` bytes.
    pub(super) fn open(&self, sealed: &[u8], bound: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(bound), &mut bytes).ok()?;
        Some(opened.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_by_the_same_key_in_the_same_place_alone() {
        let cipher = |byte: u8| Cipher::new(&[byte; KEY_LEN]).unwrap();
        let sealed = cipher(1).seal(b"Ada".to_vec(), b"here").unwrap();
        assert_eq!(cipher(1).open(&sealed, b"here").unwrap(), b"Ada");
        assert!(cipher(1).open(&sealed, b"there").is_none());
        assert!(cipher(2).open(&sealed, b"here").is_none());
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert!(cipher(1).open(&other, b"here").is_none(), "byte {place}");
            assert!(cipher(1).open(&sealed[..place], b"here").is_none(), "{place} bytes");
        }
        assert_ne!(cipher(1).seal(b"Ada".to_vec(), b"here").unwrap(), sealed, "nonces are random");
    }
}
