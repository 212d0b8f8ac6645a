use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    Commit, Event, EventError, InvalidStreamName, Rule, StreamName, decode, folded, normalize,
};

/// A value that only one thing may hold in its tenant and domain, as a user name.
///
/// ```
/// use headwater_core::{Rule, UniqueValue};
///
/// static NAME_TAKEN: Rule =
///     Rule { name: "name-taken", title: "The name is taken", help: "Choose another." };
///
/// let name = |value| UniqueValue::new("till-names", value, &NAME_TAKEN);
/// assert_eq!(name("Front  Till"), name("front till"));
/// assert_ne!(name("front till"), name("back till"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UniqueValue {
    /// The category of its streams, as `user-names`.
    pub category: &'static str,
    /// The value as [`normalize`] gives it, or as [`folded`] gives it if all of it is invisible.
    pub normalized: String,
    /// The value as [`folded`] gives it, if that differs. Former builds claimed only this.
    pub former: Option<String>,
    /// The rule that refuses if another holds it.
    pub taken: &'static Rule,
}

impl UniqueValue {
    /// A value of a category; two that differ only as [`normalize`] ignores are the same.
    pub fn new(category: &'static str, value: &str, taken: &'static Rule) -> Self {
        let (normalized, former) = (normalize(value), folded(value));
        if normalized.is_empty() || normalized == former {
            return Self { category, normalized: former, former: None, taken };
        }
        Self { category, normalized, former: Some(former), taken }
    }

    /// Each of its forms as a value of its own; the holder has all of them. A value without
    /// invisible characters has one form. The second form protects names that former builds
    /// claimed.
    pub fn forms(&self) -> Vec<Self> {
        let former = self.former.iter().map(|former| Self {
            normalized: former.clone(),
            former: None,
            ..self.clone()
        });
        [Self { former: None, ..self.clone() }].into_iter().chain(former).collect()
    }
}

/// The events of a unique value. The last event of its stream says who holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum UniqueEvent {
    /// `holder` has it: a stream's name within the tenant.
    UniqueValueClaimed {
        /// As `identity/users/42`.
        holder: String,
    },
    /// It is free.
    UniqueValueReleased {},
}

impl Event for UniqueEvent {}

/// The fingerprint of the secret that names the streams of unique values, stored once in each
/// events table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum UniqueKeyEvent {
    /// From now on unique values are named by the key with this fingerprint, and by no other.
    UniqueKeyAdopted {
        /// As [`UniqueKey::fingerprint`] gives it.
        fingerprint: String,
    },
}

impl Event for UniqueKeyEvent {}

/// Who holds a unique value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unique {
    /// The holder's stream within the tenant, if anybody holds it.
    pub holder: Option<String>,
    /// The version of the value's stream.
    pub version: u64,
}

impl Unique {
    /// Who holds it after its stream's newest commit.
    ///
    /// ```
    /// use headwater_core::{Commit, Metadata, Unique, UniqueEvent, encode};
    /// use jiff::Timestamp;
    /// use uuid::Uuid;
    ///
    /// let holder = "shop/tills/front".to_owned();
    /// let claimed = Commit {
    ///     stream: "acme/shop/till-names/0a1b".parse()?,
    ///     first: 3,
    ///     at: Timestamp::UNIX_EPOCH,
    ///     metadata: Metadata {
    ///         commit_id: Uuid::nil(),
    ///         command: "OpenTill".to_owned(),
    ///         actor: "ada".to_owned(),
    ///         correlation_id: "1".to_owned(),
    ///         causation_id: None,
    ///         traceparent: None,
    ///         reason: None,
    ///     },
    ///     events: vec![encode(3, &UniqueEvent::UniqueValueClaimed { holder: holder.clone() })?],
    ///     snapshot: None,
    /// };
    /// assert_eq!(Unique::after(&claimed)?, Unique { holder: Some(holder), version: 3 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`EventError`] if the commit is not one of a unique value's stream.
    pub fn after(newest: &Commit) -> Result<Self, EventError> {
        let mut unique = Self { holder: None, version: newest.last() };
        // All are read, though the last decides: none may be one that this build does not know.
        for event in &newest.events {
            unique.holder = match decode(event)? {
                UniqueEvent::UniqueValueClaimed { holder } => Some(holder),
                UniqueEvent::UniqueValueReleased {} => None,
            };
        }
        Ok(unique)
    }
}

/// The secret that names the streams of unique values, so that their names reveal nothing about a
/// person. It must never change: with another key every value would be free again.
///
/// ```
/// use headwater_core::{Rule, UniqueKey, UniqueValue};
///
/// static NAME_TAKEN: Rule =
///     Rule { name: "name-taken", title: "The name is taken", help: "Choose another." };
///
/// assert!(UniqueKey::new(b"too short").is_none());
/// let key = UniqueKey::new(b"a secret of at least thirty-two bytes").expect("it is long enough");
/// let stream = key.stream("acme", "shop", &UniqueValue::new("till-names", "Front", &NAME_TAKEN))?;
/// assert!(stream.as_str().starts_with("acme/shop/till-names/"));
/// assert_eq!(stream.id().len(), 32);
/// # Ok::<(), headwater_core::InvalidStreamName>(())
/// ```
#[derive(Clone)]
pub struct UniqueKey(Vec<u8>);

/// What the fingerprint is a digest of. It begins with NUL, which no unique value does: so no
/// value's stream shows a part of it.
const FINGERPRINTED: &[u8] = b"\0headwater: fingerprint of the unique key";

impl UniqueKey {
    /// The stream whose one event says which key names the unique values of a table. No service has
    /// its domain, so no command writes there, whatever the tenant's name.
    pub const STREAM: &str = "_/headwater/unique-key";

    /// A key from a secret of at least 32 bytes; `None` if it is shorter.
    pub fn new(secret: &[u8]) -> Option<Self> {
        (secret.len() >= 32).then(|| Self(secret.to_vec()))
    }

    /// The stream of a value's normal form:
    /// `<tenant>/<domain>/<category>/<HMAC-SHA256 of the value, cut to 128 bits, in hex>`.
    ///
    /// # Errors
    /// [`InvalidStreamName`] if tenant, domain or category is no segment.
    pub fn stream(
        &self,
        tenant: &str,
        domain: &str,
        value: &UniqueValue,
    ) -> Result<StreamName, InvalidStreamName> {
        StreamName::new(
            tenant,
            domain,
            value.category,
            &self.digest(value.normalized.as_bytes(), 16),
        )
    }

    /// Identifies the key: an HMAC-SHA256 under it, in hex. It does not help to guess the key.
    pub fn fingerprint(&self) -> String {
        self.digest(FINGERPRINTED, 32)
    }

    /// The first bytes of the HMAC-SHA256 of a message, in hex.
    fn digest(&self, message: &[u8], bytes: usize) -> String {
        // HMAC takes keys of any length, so this cannot fail; an empty id would be refused by the
        // stream's name.
        Hmac::<Sha256>::new_from_slice(&self.0).map_or_else(
            |_| String::new(),
            |mut mac| {
                mac.update(message);
                mac.finalize()
                    .into_bytes()
                    .iter()
                    .take(bytes)
                    .map(|byte| format!("{byte:02x}"))
                    .collect()
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::encode;

    static TAKEN: Rule = Rule { name: "user-name-taken", title: "", help: "" };

    #[test]
    fn a_stream_is_named_by_a_keyed_digest_of_the_normalized_value() {
        let key = UniqueKey::new(&[7; 32]).unwrap();
        let stream = |value: &str| {
            key.stream("acme", "identity", &UniqueValue::new("user-names", value, &TAKEN)).unwrap()
        };
        assert_eq!(stream("Ada"), stream("ADA"));
        assert_ne!(stream("Ada"), stream("Bob"));
        // Written down, since every stored claim depends on it.
        assert_eq!(
            stream("ada").as_str(),
            "acme/identity/user-names/cf2f093f9c4c3f3969cc06a6934eecd4"
        );
        let other = UniqueKey::new(&[8; 32]).unwrap();
        assert_ne!(
            stream("Ada"),
            other
                .stream("acme", "identity", &UniqueValue::new("user-names", "Ada", &TAKEN))
                .unwrap()
        );
    }

    #[test]
    fn a_value_with_what_nobody_sees_is_held_in_both_forms() {
        let forms = |value: &str| {
            let forms = UniqueValue::new("user-names", value, &TAKEN).forms();
            assert!(forms.iter().all(|form| form.former.is_none()));
            forms.into_iter().map(|form| form.normalized).collect::<Vec<_>>()
        };
        assert_eq!(forms("Ada"), ["ada"]);
        assert_eq!(forms("A\u{200b}da"), ["ada", "a\u{200b}da"]);
        assert_eq!(
            forms("\u{200b}"),
            ["\u{200b}"],
            "former builds took it; it must not stand for all that are so"
        );
        assert_eq!(forms("\u{3164}"), ["\u{1160}"]);
    }

    #[test]
    fn a_key_is_known_by_its_fingerprint() {
        let [key, other] =
            [[7; 32], [8; 32]].map(|secret| UniqueKey::new(&secret).unwrap().fingerprint());
        // Written down, since every table holds one.
        assert_eq!(key, "fa74f54a16e2c948f413b7eee90fdbe43febc3f3757e780b163921f12fcbcd78");
        assert_ne!(key, other);
        assert!(UniqueKey::STREAM.parse::<StreamName>().is_ok());
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(UniqueKey::new(&[7; 31]).is_none());
    }

    #[test]
    fn the_last_event_says_who_holds_a_value() {
        let claimed = UniqueEvent::UniqueValueClaimed { holder: "identity/users/42".to_owned() };
        let released = UniqueEvent::UniqueValueReleased {};
        for (events, holder) in
            [([&released, &claimed], Some("identity/users/42")), ([&claimed, &released], None)]
        {
            let metadata = json!({
                "commitId": Uuid::nil(),
                "command": "C",
                "actor": "a",
                "correlationId": "c",
            });
            let events: Vec<_> =
                (3..).zip(events).map(|(number, event)| encode(number, event).unwrap()).collect();
            let commit = json!({
                "stream": "a/b/c/d",
                "first": 3,
                "at": "2026-01-01T00:00:00Z",
                "metadata": metadata,
                "events": events,
            });
            let expected = Unique { holder: holder.map(str::to_owned), version: 4 };
            assert_eq!(Unique::after(&serde_json::from_value(commit).unwrap()).unwrap(), expected);
        }
    }
}
