//! Who calls: the claims of the token that the gateway has verified.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headwater::StreamName;
use serde_json::{Map, Value};

use super::body::parse_json;
use crate::Access;

/// The longest subject, in bytes: it is stored with every event.
const LONGEST_SUBJECT: usize = 256;

/// Who calls, as the gateway has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The claim `tenant`: all that the caller can see or change.
    pub tenant: String,
    /// The claim `sub`.
    pub subject: String,
    /// The claim `roles`.
    pub roles: Vec<String>,
}

impl Caller {
    /// Whether the caller may make a call of this kind.
    pub fn may(&self, access: Access) -> bool {
        access.role().is_none_or(|role| self.roles.iter().any(|own| own == role))
    }

    /// The anonymous caller of a public call.
    pub(super) fn anybody() -> Self {
        Self { tenant: String::new(), subject: String::new(), roles: Vec::new() }
    }

    /// Reads the caller from the `Authorization` header, whose token the gateway has verified;
    /// `None` if the token names none.
    ///
    /// The gateway hands claims on as text: `["not a writer"]` becomes `[not a writer]`, which
    /// cannot be told from three roles. So the claims are read from the token itself. `verified`,
    /// the gateway's texts, must say the same, or it is not the token that it verified.
    pub(super) fn read(authorization: &str, verified: &HashMap<String, String>) -> Option<Self> {
        let claims = claims(authorization)?;
        let text = |name: &str| {
            claims
                .get(name)?
                .as_str()
                .filter(|text| verified.get(name).is_some_and(|same| same == text))
        };
        let tenant =
            text("tenant").filter(|tenant| StreamName::new(tenant, "d", "c", "i").is_ok())?;
        let subject = text("sub")
            .filter(|subject| !subject.is_empty() && subject.len() <= LONGEST_SUBJECT)?;
        let roles = roles(claims.get("roles"));
        let told = verified.get("roles").map_or("", String::as_str);
        if !roles.is_empty()
            && words(within_brackets(told))
                != roles.iter().flat_map(|role| words(role)).collect::<Vec<_>>()
        {
            return None;
        }
        Some(Self { tenant: tenant.to_owned(), subject: subject.to_owned(), roles })
    }
}

/// The claims of a bearer token. Whether it is a valid one is the gateway's business.
fn claims(authorization: &str) -> Option<Map<String, Value>> {
    let token = match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => return None,
        None => authorization,
    };
    let [_, payload, _]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
    match parse_json(&json) {
        Ok(Value::Object(claims)) => Some(claims),
        _ => None,
    }
}

/// The roles, if the claim is an array of texts; anything else opens nothing.
fn roles(claim: Option<&Value>) -> Vec<String> {
    let roles = claim
        .and_then(Value::as_array)
        .map(|roles| roles.iter().map(|role| role.as_str().map(str::to_owned)));
    roles.and_then(Iterator::collect).unwrap_or_default()
}

fn within_brackets(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

fn words(text: &str) -> Vec<&str> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A token with these claims, as an `Authorization` header carries it.
    fn bearer(claims: &str) -> String {
        format!("Bearer e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    /// The caller of a token with these roles, of which the gateway says `told`.
    fn with_roles(roles: &Value, told: &str) -> Option<Vec<String>> {
        let claims = json!({ "sub": "me", "tenant": "acme", "roles": roles });
        let verified = [("sub", "me"), ("tenant", "acme"), ("roles", told)]
            .map(|(name, text)| (name.to_owned(), text.to_owned()));
        Caller::read(&bearer(&claims.to_string()), &verified.into()).map(|caller| caller.roles)
    }

    #[test]
    fn a_role_of_several_words_is_one_role() {
        assert_eq!(
            with_roles(&json!(["not a writer"]), "[not a writer]"),
            Some(vec!["not a writer".to_owned()])
        );
        assert_eq!(
            with_roles(&json!(["reader", "writer"]), "[reader writer]"),
            Some(vec!["reader".to_owned(), "writer".to_owned()])
        );
        assert_eq!(
            with_roles(&json!(["reader", "writer"]), "[reader, writer]").map(|roles| roles.len()),
            Some(2)
        );
    }

    #[test]
    fn what_is_no_array_of_texts_is_no_role() {
        for (roles, told) in [
            (json!("writer"), "writer"),
            (json!("[writer]"), "[writer]"),
            (json!([["writer"]]), "[[writer]]"),
            (json!(["writer", 7]), "[writer 7]"),
            (json!({ "writer": true }), "map[writer:true]"),
            (json!(null), "<nil>"),
            (json!(7), "7"),
            (json!([]), "[]"),
        ] {
            assert_eq!(with_roles(&roles, told), Some(vec![]), "{roles}");
        }
        for (role, opens) in
            [("Writer", false), ("writer ", false), ("[writer]", false), ("writer", true)]
        {
            let caller = Caller {
                roles: with_roles(&json!([role]), role).unwrap_or_default(),
                ..Caller::anybody()
            };
            assert_eq!(caller.may(Access::Writer), opens, "{role}");
        }
    }

    #[test]
    fn a_token_other_than_the_verified_one_names_nobody() {
        assert_eq!(with_roles(&json!(["writer"]), "[reader]"), None);
        assert_eq!(with_roles(&json!(["writer"]), ""), None);
        let verified = |tenant: &str, sub: &str| {
            HashMap::from([
                ("tenant".to_owned(), tenant.to_owned()),
                ("sub".to_owned(), sub.to_owned()),
            ])
        };
        let token = |claims: &str| bearer(claims);
        for (claims, verified) in [
            (r#"{"tenant":"acme","sub":"me"}"#, verified("other", "me")),
            (r#"{"tenant":"acme","sub":"me"}"#, verified("acme", "you")),
            (r#"{"tenant":"acme","sub":"me"}"#, HashMap::new()),
            (r#"{"tenant":["acme"],"sub":"me"}"#, verified("[acme]", "me")),
            (r#"{"tenant":7,"sub":"me"}"#, verified("7", "me")),
            (r#"{"tenant":"acme","sub":["me"]}"#, verified("acme", "[me]")),
            (r#"{"tenant":"acme","sub":{"a":"me"}}"#, verified("acme", "map[a:me]")),
            (r#"{"tenant":"acme","sub":7}"#, verified("acme", "7")),
            (r#"{"tenant":"acme","sub":true}"#, verified("acme", "true")),
            (r#"{"tenant":"acme","sub":null}"#, verified("acme", "<nil>")),
            (r#"{"tenant":"acme","sub":""}"#, verified("acme", "")),
            (r#"{"tenant":"other","tenant":"acme","sub":"me"}"#, verified("acme", "me")),
            (r#"{"sub":"me"}"#, verified("acme", "me")),
            ("[]", verified("acme", "me")),
            ("{", verified("acme", "me")),
        ] {
            assert_eq!(Caller::read(&token(claims), &verified), None, "{claims}");
        }
        let good = token(r#"{"tenant":"acme","sub":"me"}"#);
        let verified = verified("acme", "me");
        assert!(
            Caller::read(&good, &verified).is_some()
                && Caller::read(good.trim_start_matches("Bearer "), &verified).is_some()
        );
        for header in [
            "",
            "Bearer",
            "Bearer x",
            "Basic YTpi",
            &format!("{good},{good}"),
            &good.replace("Bearer", "Basic"),
        ] {
            assert_eq!(Caller::read(header, &verified), None, "{header}");
        }
    }
}
