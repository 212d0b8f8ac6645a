use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which ids were seen: of each the first 8 bytes of its SHA-256, stored as the base64 of all, in
/// order. Of 20,000 ids two have the same digest once in 10¹¹ licences; then one event is not
/// counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Seen(BTreeSet<u64>);

impl Seen {
    /// Takes an id in, and says whether it is new.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        let digest = Sha256::digest(id);
        let beginning =
            digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.0.insert(beginning)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<Seen> for String {
    fn from(Seen(digests): Seen) -> Self {
        STANDARD_NO_PAD.encode(digests.into_iter().flat_map(u64::to_be_bytes).collect::<Vec<_>>())
    }
}

impl TryFrom<String> for Seen {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD_NO_PAD.decode(text)?;
        let (digests, rest) = bytes.as_chunks::<8>();
        if rest.is_empty() {
            Ok(Self(digests.iter().map(|digest| u64::from_be_bytes(*digest)).collect()))
        } else {
            Err(base64::DecodeError::InvalidLength(bytes.len()))
        }
    }
}
