//! Tokens: the development key that signs them and the check that the HTTP API makes.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};

use crate::template::Authorizer;

const KEY_ID: &str = "dev";
const LIFETIME_SECONDS: i64 = 12 * 3_600;

/// Signs tokens, and checks them as an HTTP API with this authorizer does.
pub struct Tokens {
    authorizer: Authorizer,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Tokens {
    /// Takes the development key, as [`new_key`] made it.
    ///
    /// # Errors
    /// When the text is no such key.
    pub fn new(authorizer: Authorizer, pem: &str) -> Result<Self> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).context("the development key is no PEM file")?;
        let pair = aws_lc_rs::signature::RsaKeyPair::from_pkcs8(&der)
            .map_err(|error| anyhow!("the development key is no RSA key: {error}"))?;
        Ok(Self {
            authorizer,
            signing: EncodingKey::from_rsa_pem(pem.as_bytes())?,
            verifying: DecodingKey::from_rsa_der(pair.public_key().as_ref()),
        })
    }

    /// A token for `POST /dev/token`, good for twelve hours of real time.
    ///
    /// # Errors
    /// When signing fails.
    pub fn issue(&self, tenant: &str, subject: &str, roles: &[String]) -> Result<String> {
        let now = Timestamp::now().as_second();
        self.sign(&json!({
            "iss": self.authorizer.issuer,
            "aud": self.authorizer.audience.first(),
            "sub": subject,
            "tenant": tenant,
            "roles": roles,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        }))
    }

    /// The claims of a valid `Authorization` header as a function gets them, or why it is refused.
    ///
    /// # Errors
    /// When the header is missing or malformed, or the token is not for this API.
    pub fn check(&self, authorization: Option<&str>) -> Result<BTreeMap<String, String>, Refusal> {
        let header = authorization.ok_or(Refusal::Missing)?;
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return Err(Refusal::Missing),
            None => header,
        };
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        // `client_id` may stand in for `aud`: checked below.
        validation.validate_aud = false;
        validation.set_issuer(&[&self.authorizer.issuer]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        let claims =
            jsonwebtoken::decode::<Map<String, Value>>(token, &self.verifying, &validation)
                .map_err(|error| Refusal::Invalid(error.to_string()))?
                .claims;
        if !self.is_for_us(&claims) {
            return Err(Refusal::Invalid("the token is for another audience".into()));
        }
        if claims.get("iat").and_then(Value::as_i64) > Some(Timestamp::now().as_second()) {
            return Err(Refusal::Invalid("the token was issued in the future".into()));
        }
        Ok(claims.iter().map(|(name, value)| (name.clone(), claim_text(value))).collect())
    }

    fn is_for_us(&self, claims: &Map<String, Value>) -> bool {
        let ours = |value: &Value| {
            value.as_str().is_some_and(|text| self.authorizer.audience.iter().any(|a| a == text))
        };
        match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(ours),
            Some(audience) => ours(audience),
            None => claims.get("client_id").is_some_and(ours),
        }
    }

    /// A token with exactly these claims, whether they are worth anything or not.
    ///
    /// # Errors
    /// When signing fails.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let header = Header { kid: Some(KEY_ID.into()), ..Header::new(Algorithm::RS256) };
        Ok(jsonwebtoken::encode(&header, claims, &self.signing)?)
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no bearer token.
    Missing,
    /// The token is not valid here; the text says why.
    Invalid(String),
}

impl Refusal {
    /// The `WWW-Authenticate` header of the 401.
    pub fn challenge(&self) -> String {
        match self {
            Self::Missing => "Bearer".into(),
            Self::Invalid(why) => {
                let why = why.replace('"', "'");
                format!(r#"Bearer scope="" error="invalid_token" error_description="{why}""#)
            }
        }
    }
}

/// Makes an RSA key, in PEM.
///
/// # Errors
/// When the library can't.
pub fn new_key() -> Result<String> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("can't make an RSA key"))?;
    let der = pair.as_der().map_err(|_| anyhow!("can't encode the RSA key"))?;
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in STANDARD.encode(der.as_ref()).as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

/// A claim as an HTTP API hands it on: everything is text, an array is `[reader writer]`, an object
/// `map[a:b c:d]`.
fn claim_text(claim: &Value) -> String {
    match claim {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(claim_text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}:{}", claim_text(value)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static KEY: LazyLock<String> = LazyLock::new(|| new_key().unwrap());

    fn tokens(key: &str) -> Tokens {
        let authorizer = Authorizer {
            issuer: "local:Issuer".into(),
            audience: vec!["api".into(), "cli".into()],
        };
        Tokens::new(authorizer, key).unwrap()
    }

    fn verdict(claims: &Value) -> bool {
        let tokens = tokens(&KEY);
        let token = tokens.sign(claims).unwrap();
        tokens.check(Some(&format!("Bearer {token}"))).is_ok()
    }

    #[test]
    fn a_token_of_ours_brings_its_claims_as_text() {
        let tokens = tokens(&KEY);
        let token = tokens.issue("acme", "ann", &["reader".into(), "writer".into()]).unwrap();
        let claims = tokens.check(Some(&format!("bearer {token}"))).unwrap();
        assert_eq!(claims["tenant"], "acme");
        assert_eq!(claims["sub"], "ann");
        assert_eq!(claims["roles"], "[reader writer]");
        assert!(claims["exp"].parse::<i64>().is_ok());
    }

    #[test]
    fn the_api_s_rules() {
        let now = Timestamp::now().as_second();
        let good = json!({"iss": "local:Issuer", "aud": "api", "exp": now + 60});
        assert!(verdict(&good));
        for (claim, value, accepted) in [
            ("aud", json!("cli"), true),
            ("aud", json!(["else", "cli"]), true),
            ("aud", json!("else"), false),
            ("aud", Value::Null, false),
            ("iss", json!("other"), false),
            ("iss", Value::Null, false),
            ("exp", json!(now - 1), false),
            ("exp", Value::Null, false),
            ("nbf", json!(now - 1), true),
            ("nbf", json!(now + 60), false),
            ("iat", json!(now), true),
            ("iat", json!(now + 60), false),
        ] {
            let mut claims = good.clone();
            claims[claim] = value.clone();
            assert_eq!(verdict(&claims), accepted, "{claim} = {value}");
        }
    }

    #[test]
    fn client_id_stands_in_for_a_missing_audience() {
        let now = Timestamp::now().as_second();
        let claims =
            |client: &str| json!({"iss": "local:Issuer", "client_id": client, "exp": now + 60});
        assert!(verdict(&claims("cli")));
        assert!(!verdict(&claims("else")));
    }

    #[test]
    fn foreign_keys_other_algorithms_and_garbage_are_refused() {
        let ours = tokens(&KEY);
        let foreign = tokens(&new_key().unwrap()).issue("acme", "ann", &[]).unwrap();
        let claims = json!({"iss": "local:Issuer", "aud": "api", "exp": 4_000_000_000_u64});
        let symmetric = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &EncodingKey::from_secret(KEY.as_bytes()),
        );
        for header in [foreign, symmetric.unwrap(), "garbage".into(), "a.b.c".into(), String::new()]
        {
            let refusal = ours.check(Some(&format!("Bearer {header}"))).unwrap_err();
            assert!(matches!(refusal, Refusal::Invalid(_)), "{header}");
            assert!(refusal.challenge().contains("invalid_token"));
        }
        for header in [None, Some("Basic YTpi")] {
            assert_eq!(ours.check(header), Err(Refusal::Missing));
        }
    }

    #[test]
    fn claims_are_formatted_as_the_gateway_does() {
        for (claim, expected) in [
            (json!("plain"), "plain"),
            (json!(1_700_000_000), "1700000000"),
            (json!(true), "true"),
            (json!([]), "[]"),
            (json!(["reader", "writer"]), "[reader writer]"),
            (json!({"a": 1, "b": ["x"]}), "map[a:1 b:[x]]"),
        ] {
            assert_eq!(claim_text(&claim), expected);
        }
    }
}
