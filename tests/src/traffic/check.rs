//! Whether an answer is the one that the model says.

use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::clock::millis;
use super::model::{Customer, Effect, Facts, Granted, Refusal};
use super::{Command, Span};
use crate::Reply;

/// What came back, and what it came back to.
pub(super) struct Answer<'a> {
    pub(super) customer_id: &'a str,
    /// The customer as it was before.
    pub(super) customer: &'a Customer,
    pub(super) command: &'a Command,
    pub(super) reply: &'a Reply,
    /// When the service decided.
    pub(super) at: Span,
}

impl Answer<'_> {
    /// Compares the reply with the model's verdict, and takes from it what only the service knows.
    pub(super) fn check(&self, verdict: &Result<Effect, Refusal>) -> Result<Facts, String> {
        match verdict {
            Err(refusal) => self.refused(refusal).map(|()| Facts::default()),
            Ok(effect) => self.carried_out(effect),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Result<(), String> {
        let body = &self.reply.body;
        let (status, name) = match refusal {
            Refusal::Unknown => (404, "not-found"),
            Refusal::Limit { rule, .. } => (409, *rule),
            Refusal::State(rule) => (409, *rule),
            Refusal::Invalid(_) => (422, "invalid-request"),
        };
        same("status", &self.reply.status, &status)?;
        same("type", &body["type"], &json!(format!("/problems/{name}")))?;
        match refusal {
            Refusal::Limit { limit, count, .. } => {
                same("limit", &body["limit"], &json!(limit))?;
                same("count", &body["count"], &json!(count))
            }
            Refusal::Invalid(pointers) => {
                let errors = body["errors"].as_array().into_iter().flatten();
                same(
                    "errors",
                    &errors.map(|error| error["pointer"].clone()).collect::<Vec<_>>(),
                    &json_strings(pointers),
                )
            }
            _ => Ok(()),
        }
    }

    fn carried_out(&self, effect: &Effect) -> Result<Facts, String> {
        let Self { customer, reply, .. } = self;
        let acquired = matches!(effect, Effect::Acquired { .. });
        same("status", &reply.status, &if acquired { 201 } else { 200 })?;
        let written = match effect {
            Effect::Nothing => 0,
            Effect::Deactivated(released) => released.len() as u64 + 1,
            _ => 1,
        };
        let before = match self.command {
            Command::Play { license, .. } => customer.playback_version(license),
            _ => customer.version(),
        };
        same("version", &reply.version(), &(before + written))?;
        if reply.etag().is_empty() || reply.token().is_empty() {
            return Err("the ETag or Consistency-Token is missing".to_owned());
        }
        match (self.command, effect) {
            (Command::Acquire { .. }, Effect::Acquired { lasts }) => {
                let facts = self.acquired()?;
                same("provisional", &self.reply.body["provisional"], &json!(false))?;
                same("expiresAt", &facts.expires_at, &(facts.acquired_at + lasts))?;
                Ok(facts)
            }
            (Command::Renew { license }, Effect::Renewed { lasts }) => {
                self.renewed(license, *lasts)
            }
            (Command::Deactivate { device: id }, _) => {
                same("id", &reply.id(), &id.as_str()).map(|()| Facts::default())
            }
            (
                Command::Downloaded { license: id }
                | Command::Release { license: id }
                | Command::Play { license: id, .. }
                | Command::Renew { license: id },
                _,
            ) => same("id", &reply.id(), &id.as_str()).map(|()| Facts::default()),
            (Command::Acquire { .. }, _) => Err(format!("an acquire cannot end in {effect:?}")),
        }
    }

    /// A licence that was granted since the store did not answer: the rules had no part in it, so
    /// only its form is checked.
    pub(super) fn provisional(&self) -> Result<(Facts, Granted), String> {
        let body = &self.reply.body;
        let facts = self.acquired()?;
        let told = [self.reply.etag(), self.reply.token()].concat();
        if !told.is_empty() || body.get("version").is_some() {
            return Err("a provisional licence has no version".to_owned());
        }
        let grant =
            body["grant"].as_str().and_then(|grant| grant.split('.').next()).unwrap_or_default();
        let grant: Value = URL_SAFE_NO_PAD
            .decode(grant)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        let version =
            grant["policyVersion"].as_u64().ok_or("the grant names no version of the policy")?;
        Ok((facts, Granted::Provisionally(version)))
    }

    fn acquired(&self) -> Result<Facts, String> {
        let Command::Acquire { title, studio, device } = self.command else {
            return Err("nothing was to be acquired".to_owned());
        };
        let body = &self.reply.body;
        let facts = self.facts()?;
        if facts.license_id.is_empty() || self.customer.license(&facts.license_id).is_some() {
            return Err(format!("the licence's id {:?} is not new", facts.license_id));
        }
        for (field, expected) in [("titleId", title), ("studioId", studio), ("deviceId", device)] {
            same(field, &body[field], &json!(expected))?;
        }
        same("released", &body["released"], &json!(false))?;
        let location =
            format!("/licensing/customers/{}/licenses/{}", self.customer_id, facts.license_id);
        same("Location", &self.reply.header("location"), &location.as_str())?;
        if !self.at.holds(facts.acquired_at) {
            return Err(format!(
                "acquiredAt {} is not within the request's {:?}",
                facts.acquired_at, self.at
            ));
        }
        Ok(facts)
    }

    fn renewed(&self, id: &str, lasts: i64) -> Result<Facts, String> {
        let license = self.customer.license(id).ok_or("no such licence")?;
        let facts = self.facts()?;
        same("licenseId", &facts.license_id.as_str(), &id)?;
        same("acquiredAt", &facts.acquired_at, &license.acquired_at)?;
        let lasted_on = license.expires_at > self.at.to;
        let from = if lasted_on { Span::exact(license.expires_at) } else { self.at };
        let expected = from.later(lasts);
        if expected.holds(facts.expires_at) {
            Ok(facts)
        } else {
            Err(format!("expiresAt {} is not in {expected:?}", facts.expires_at))
        }
    }

    fn facts(&self) -> Result<Facts, String> {
        let body = &self.reply.body;
        let time =
            |field: &str| millis(&body[field]).map_err(|error| format!("{field}: {error:#}"));
        let license_id = body["licenseId"].as_str().unwrap_or_default().to_owned();
        Ok(Facts { license_id, acquired_at: time("acquiredAt")?, expires_at: time("expiresAt")? })
    }
}

fn same<T: PartialEq + Debug>(what: &str, actual: &T, expected: &T) -> Result<(), String> {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{what} must be {expected:?}, and is {actual:?}"))
    }
}

fn json_strings(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| json!(text)).collect()
}
