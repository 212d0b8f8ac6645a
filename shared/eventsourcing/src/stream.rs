use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a stream: a path `<tenant>/<domain>/<category>/<id>[/<category>/<id>…]`, as
/// `acme/identity/groups/7/members/4`. A stream of which a domain has just one is named by its
/// category alone, as `acme/licensing/policy`.
///
/// A segment is 1–64 of `A-Z a-z 0-9 _ -`. The name is the partition key of the events table, so it
/// holds no personal data.
///
/// ```
/// use headwater_core::StreamName;
///
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// assert_eq!((till.as_str(), till.id()), ("acme/shop/tills/front", "front"));
/// assert!("acme/shop/tills/the front".parse::<StreamName>().is_err());
/// # Ok::<(), headwater_core::InvalidStreamName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(String);

/// Why a text is not a stream's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStreamName {
    /// A segment is empty, too long or holds another character.
    #[error("`{0}` is not 1–64 characters of A-Z a-z 0-9 _ -")]
    Segment(String),
    /// The number of segments is not 3, 4, 6, 8, …
    #[error("a stream is named <tenant>/<domain>/<category>[/<id>[/<category>/<id>…]], not `{0}`")]
    Shape(String),
}

impl StreamName {
    /// Names the stream `<tenant>/<domain>/<category>/<id>`.
    ///
    /// # Errors
    /// [`InvalidStreamName::Segment`] names the segment that is at fault.
    pub fn new(
        tenant: &str,
        domain: &str,
        category: &str,
        id: &str,
    ) -> Result<Self, InvalidStreamName> {
        format!("{tenant}/{domain}/{category}/{id}").parse()
    }

    /// Names the stream of which a domain has just one: `<tenant>/<domain>/<name>`. Its name is its
    /// category and its id.
    ///
    /// # Errors
    /// [`InvalidStreamName::Segment`] names the segment that is at fault.
    pub fn singleton(tenant: &str, domain: &str, name: &str) -> Result<Self, InvalidStreamName> {
        format!("{tenant}/{domain}/{name}").parse()
    }

    /// Names a stream below this one: `groups/7` and (`members`, `4`) give `groups/7/members/4`.
    ///
    /// # Errors
    /// [`InvalidStreamName::Segment`] names the segment that is at fault.
    pub fn child(&self, category: &str, id: &str) -> Result<Self, InvalidStreamName> {
        format!("{self}/{category}/{id}").parse()
    }

    /// The name as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose data it is: the first segment.
    pub fn tenant(&self) -> &str {
        self.segment(0)
    }

    /// The service it belongs to: the second segment, as `identity`.
    pub fn domain(&self) -> &str {
        self.segment(1)
    }

    /// The id of the innermost thing: the last segment.
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The id of the thing above this stream: `7` for `…/groups/7/members/4`, `None` for
    /// `…/groups/7`.
    pub fn parent_id(&self) -> Option<&str> {
        let mut segments = self.0.rsplit('/').skip(2);
        let parent = segments.next();
        segments.next().filter(|_| self.0.split('/').count() > 4)?;
        parent
    }

    /// The stream above this one: `groups/7` for `…/groups/7/members/4`, `None` for `…/groups/7`.
    pub fn parent(&self) -> Option<Self> {
        let mut segments = self.0.rsplitn(3, '/').skip(2);
        segments.next().filter(|_| self.parent_id().is_some()).map(|path| Self(path.to_owned()))
    }

    /// The categories on the path, which tell what kind of stream it is: `groups/members` for
    /// `acme/identity/groups/7/members/4`.
    pub fn category(&self) -> String {
        let categories: Vec<&str> = self.0.split('/').skip(2).step_by(2).collect();
        categories.join("/")
    }

    /// The name without the tenant, as in paths and bodies: `identity/groups/7/members/4`.
    pub fn within_tenant(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, rest)| rest)
    }

    fn segment(&self, index: usize) -> &str {
        self.0.split('/').nth(index).unwrap_or_default()
    }
}

/// The longest segment, in characters, which are bytes too.
pub const LONGEST_SEGMENT: usize = 64;

/// Whether a text may be one segment of a stream's name, for example an id that a client gives.
///
/// ```
/// use headwater_core::is_segment;
///
/// assert!(is_segment("front-till"));
/// assert!(!is_segment("front/till") && !is_segment(""));
/// ```
pub fn is_segment(text: &str) -> bool {
    (1..=LONGEST_SEGMENT).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

impl FromStr for StreamName {
    type Err = InvalidStreamName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(bad) = text.split('/').find(|segment| !is_segment(segment)) {
            return Err(InvalidStreamName::Segment(bad.chars().take(80).collect()));
        }
        let segments = text.split('/').count();
        if segments < 3 || (segments > 3 && segments % 2 == 1) {
            return Err(InvalidStreamName::Shape(text.chars().take(200).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for StreamName {
    type Error = InvalidStreamName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_parts() {
        let member: StreamName = "acme/identity/groups/7/members/4".parse().unwrap();
        assert_eq!((member.tenant(), member.domain(), member.id()), ("acme", "identity", "4"));
        assert_eq!(member.category(), "groups/members");
        assert_eq!(member.parent_id(), Some("7"));
        assert_eq!(member.within_tenant(), "identity/groups/7/members/4");
        let group = StreamName::new("acme", "identity", "groups", "7").unwrap();
        assert_eq!(group.parent_id(), None);
        assert_eq!(group.child("members", "4").unwrap(), member);
        assert_eq!((member.parent(), group.parent()), (Some(group), None));
    }

    #[test]
    fn the_only_one_of_its_kind_is_named_by_its_kind() {
        let policy = StreamName::singleton("acme", "licensing", "policy").unwrap();
        assert_eq!(policy.as_str(), "acme/licensing/policy");
        assert_eq!(
            (policy.domain(), policy.category().as_str(), policy.id(), policy.parent_id()),
            ("licensing", "policy", "policy", None)
        );
        assert_eq!(policy.within_tenant(), "licensing/policy");
    }

    #[test]
    fn a_name_is_stored_as_its_text() {
        let name = StreamName::new("acme", "identity", "users", "42").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"acme/identity/users/42\"");
        assert_eq!(serde_json::from_str::<StreamName>("\"acme/identity/users/42\"").unwrap(), name);
        assert!(serde_json::from_str::<StreamName>("\"acme\"").is_err());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in
            ["", "a", "a/b", "a/b/c/d/e", "a//c/d", "a/b/c/ä", "a/b/c/d e", "/a/b/c/d", "a/b/c/d/"]
        {
            assert!(bad.parse::<StreamName>().is_err(), "{bad}");
        }
        assert!(format!("a/b/c/{}", "x".repeat(64)).parse::<StreamName>().is_ok());
        assert!(format!("a/b/c/{}", "x".repeat(65)).parse::<StreamName>().is_err());
    }
}
