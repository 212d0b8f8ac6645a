//! What a function needs of an HTTP API request, checked.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use garde::Validate;
use headwater::{
    FeedPosition, IfMatch, IfNoneMatch, InvalidToken, MOST_TOKENS, Position, Token, parse_if_match, parse_if_none_match, parse_tokens,
};
use headwater_dynamodb::OneGeneration;
use http::HeaderMap;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::parameter::is_correlation_id;
use crate::problem::{BODY_TOO_LARGE, MALFORMED, UNAUTHENTICATED};
use crate::{Access, Problem};

/// The largest body, in bytes.
const LARGEST_BODY: usize = 256 * 1024;

/// What is kept of the time that Lambda gives, to answer in.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

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
}

/// One HTTP call, as its handler sees it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who calls; empty on a public route.
    pub caller: Caller,
    /// When the gateway took the request in.
    pub now: Timestamp,
    /// By when the function must have answered.
    pub deadline: Instant,
    /// `X-Correlation-Id`, else the gateway's request id.
    pub correlation_id: String,
    /// `X-Causation-Id`: the event or commit that the request follows from, if there is one.
    pub causation_id: Option<String>,
    /// The gateway's request id.
    pub request_id: String,
    /// As `POST`.
    pub method: String,
    /// As `/identity/users`.
    pub raw_path: String,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The version that the caller decided on, as the body's `version` says.
    pub(crate) decided_on: Option<u64>,
    /// The generation of all rows that are read for it.
    pub(crate) generation: OneGeneration,
    raw_query: String,
    headers: HeaderMap,
    path: HashMap<String, String>,
    query: HashMap<String, String>,
}

/// Where a list goes on: after this sort key, having seen these tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The sort key of the last row given.
    #[serde(rename = "a")]
    pub after: String,
    /// The header of tokens that the list was begun with, so that no later page repeats or loses a row.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<String>,
}

impl Cursor {
    /// The sort key to go on after; nothing at the start.
    pub fn after(&self) -> Option<&str> {
        Some(self.after.as_str()).filter(|after| !after.is_empty())
    }

    /// The number to go on after, in lists whose order is one.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn number(&self) -> Result<Option<u64>, Problem> {
        let number = self.after().map(str::parse).transpose();
        number.map_err(|_| Problem::new(&MALFORMED, "`cursor` is one of another list"))
    }
}

impl Request {
    /// Reads a request of the gateway.
    ///
    /// # Errors
    /// 400 for a body that is not what its encoding says, 401 without claims on a route that needs them, 413 for a body over 256 KB.
    pub fn read(event: ApiGatewayV2httpRequest, deadline_ms: u64, access: Access) -> Result<Self, Problem> {
        let context = event.request_context;
        let claims = context.authorizer.and_then(|authorizer| authorizer.jwt).map(|jwt| jwt.claims);
        let caller = match claims {
            Some(claims) => read_claims(&claims),
            None => None,
        };
        let caller = match (caller, access) {
            (Some(caller), _) => caller,
            (None, Access::Public) => Caller { tenant: String::new(), subject: String::new(), roles: Vec::new() },
            (None, _) => return Err(Problem::new(&UNAUTHENTICATED, "the token lacks a usable `sub` or `tenant`")),
        };
        let body = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded {
            STANDARD.decode(body).map_err(|error| Problem::new(&MALFORMED, error.to_string()))?
        } else {
            body.into_bytes()
        };
        if body.len() > LARGEST_BODY {
            return Err(Problem::new(&BODY_TOO_LARGE, format!("the body has {} bytes, more than {LARGEST_BODY}", body.len())));
        }
        let request_id = context.request_id.unwrap_or_default();
        let given =
            |name| event.headers.get(name).and_then(|value| value.to_str().ok()).filter(|id| is_correlation_id(id)).map(str::to_owned);
        let correlation_id = given("x-correlation-id").unwrap_or_else(|| request_id.clone());
        let causation_id = given("x-causation-id");
        Ok(Self {
            caller,
            now: Timestamp::from_millisecond(context.time_epoch).map_err(Problem::internal)?,
            deadline: deadline(deadline_ms),
            correlation_id,
            causation_id,
            request_id,
            method: context.http.method.to_string(),
            raw_path: event.raw_path.unwrap_or_default(),
            body,
            decided_on: None,
            generation: OneGeneration::default(),
            raw_query: event.raw_query_string.unwrap_or_default(),
            headers: event.headers,
            path: event.path_parameters,
            query: event.query_string_parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }

    /// A request that did not come by HTTP, as a record of a stream: without headers, parameters and body.
    pub fn internal(caller: Caller, now: Timestamp, correlation_id: String, deadline: Instant) -> Self {
        Self {
            caller,
            now,
            deadline,
            request_id: correlation_id.clone(),
            correlation_id,
            causation_id: None,
            method: String::new(),
            raw_path: String::new(),
            body: Vec::new(),
            decided_on: None,
            generation: OneGeneration::default(),
            raw_query: String::new(),
            headers: HeaderMap::new(),
            path: HashMap::new(),
            query: HashMap::new(),
        }
    }

    /// The same caller and time without conditions and keys, for a command that follows from this request.
    #[must_use]
    pub fn unconditional(&self) -> Self {
        Self::internal(self.caller.clone(), self.now, self.correlation_id.clone(), self.deadline).caused_by(self.causation_id.clone())
    }

    /// The same request, which follows from this event or commit.
    #[must_use]
    pub fn caused_by(self, causation_id: Option<String>) -> Self {
        Self { causation_id, ..self }
    }

    /// The same request with so much time at the most, for a part of what it asks for.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + time), ..self.clone() }
    }

    /// The same request, whose caller decided on this version of what the command is about; nothing if on the latest.
    #[must_use]
    pub fn decided_on(self, version: Option<u64>) -> Self {
        Self { decided_on: version, ..self }
    }

    /// Whose data the call is about.
    pub fn tenant(&self) -> &str {
        &self.caller.tenant
    }

    /// A parameter of the route's path; empty if the route has none of this name, which then names nothing that exists.
    pub fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query string.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The names of the query string's parameters.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.keys().map(String::as_str)
    }

    /// A header; nothing if it is absent or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The W3C trace context, if it is one: it is stored with every event, so nothing else may come in by it.
    pub(crate) fn traceparent(&self) -> Option<&str> {
        let is_one = |text: &&str| text.len() == 55 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        self.header("traceparent").filter(is_one)
    }

    /// The body as a command, with its shape checked.
    ///
    /// # Errors
    /// 400 if it is not JSON; 422 with each field at fault.
    pub fn json<T: DeserializeOwned + Validate<Context = ()>>(&self) -> Result<T, Problem> {
        read_json(object(self.any_json()?)?.into())
    }

    /// The members of the body, which must be an object; none if there is no body.
    ///
    /// # Errors
    /// 400 if it is not JSON, 422 if it is no object.
    pub fn members(&self) -> Result<serde_json::Map<String, serde_json::Value>, Problem> {
        if self.body.is_empty() {
            return Ok(serde_json::Map::new());
        }
        object(self.any_json()?)
    }

    /// The body as a list of items, each with its shape checked; errors point at `/3/at`.
    ///
    /// # Errors
    /// 400 if it is not JSON; 422 with each field at fault, or if there are not 1 to `most` items.
    pub fn json_list<T: DeserializeOwned + Validate<Context = ()>>(&self, most: usize) -> Result<Vec<T>, Problem> {
        let body = self.any_json()?;
        let items = body.as_array().filter(|items| (1..=most).contains(&items.len()));
        let items =
            items.ok_or_else(|| Problem::invalid([(String::new(), format!("the body must be an array of 1 to {most} objects"))]))?;
        if let Some(place) = items.iter().position(|item| !item.is_object()) {
            return Err(Problem::invalid([(format!("/{place}"), "must be an object".to_owned())]));
        }
        read_json(body)
    }

    fn any_json(&self) -> Result<serde_json::Value, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| Problem::new(&MALFORMED, format!("the body is not JSON: {error}")))
    }

    /// The condition in `If-Match`, if there is one.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn if_match(&self) -> Result<Option<IfMatch>, Problem> {
        Ok(self.text_header("if-match")?.map(|header| parse_if_match(header, self.tenant())).transpose()?)
    }

    /// The condition in `If-None-Match`, if there is one.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn if_none_match(&self) -> Result<Option<IfNoneMatch>, Problem> {
        Ok(self.text_header("if-none-match")?.map(parse_if_none_match).transpose()?)
    }

    /// The tokens in `Consistency-Token`, or those that the cursor carries on from the first page.
    ///
    /// # Errors
    /// 400 if one cannot be read, or if there are more than 20.
    pub fn tokens(&self) -> Result<Vec<Token>, Problem> {
        let mut tokens = match self.text_header("consistency-token")? {
            Some(header) => parse_tokens(header, self.tenant())?,
            None => Vec::new(),
        };
        if let Some(carried) = self.cursor()?.tokens {
            let carried = parse_tokens(&carried, self.tenant())?;
            tokens.extend(carried.into_iter().filter(|token| !tokens.contains(token)).collect::<Vec<_>>());
        }
        // More than that no cursor could carry on.
        if tokens.len() > MOST_TOKENS {
            return Err(InvalidToken::TooMany.into());
        }
        Ok(tokens)
    }

    /// The positions of streams in [`Request::tokens`].
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn positions(&self) -> Result<Vec<Position>, Problem> {
        Ok(self.tokens()?.into_iter().flat_map(|token| token.streams).collect())
    }

    /// The positions of change feeds in [`Request::tokens`].
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn feed_positions(&self) -> Result<Vec<FeedPosition>, Problem> {
        Ok(self.tokens()?.into_iter().flat_map(|token| token.feeds).collect())
    }

    /// Until when a query may wait for its views: as long as `Prefer: wait=N` says, 2 seconds if absent, but in time to answer.
    pub fn wait_until(&self) -> Instant {
        (tokio::time::Instant::now().into_std() + Duration::from_secs(self.preferred_wait().unwrap_or(2))).min(self.deadline)
    }

    /// The `wait` of the `Prefer` header in seconds, cut to 10.
    pub fn preferred_wait(&self) -> Option<u64> {
        let header = self.header("prefer")?;
        let seconds = header.split([',', ';']).find_map(|preference| preference.trim().strip_prefix("wait="))?;
        seconds.trim().parse::<u64>().ok().map(|seconds| seconds.min(10))
    }

    /// Where the list goes on: the `cursor` parameter, or the start.
    ///
    /// # Errors
    /// 400 if it is not one that this service gave.
    pub fn cursor(&self) -> Result<Cursor, Problem> {
        let Some(text) = self.query("cursor") else { return Ok(Cursor::default()) };
        let cursor = URL_SAFE_NO_PAD.decode(text).ok().and_then(|json| serde_json::from_slice(&json).ok());
        cursor.ok_or_else(|| Problem::new(&MALFORMED, "`cursor` is not one that this service gave"))
    }

    /// The cursor with which a list goes on after a sort key, with this request's tokens.
    ///
    /// # Errors
    /// 400 if a token cannot be read.
    pub fn cursor_after(&self, after: Option<String>) -> Result<Option<String>, Problem> {
        let Some(after) = after else { return Ok(None) };
        let tokens = self.tokens()?;
        let tokens = (!tokens.is_empty()).then(|| tokens.iter().map(Token::quoted).collect::<Vec<_>>().join(","));
        let json = serde_json::to_vec(&Cursor { after, tokens }).map_err(Problem::internal)?;
        Ok(Some(URL_SAFE_NO_PAD.encode(json)))
    }

    /// This request's path and query with another cursor.
    pub(crate) fn link_to(&self, cursor: &str) -> String {
        let others = self.raw_query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let query: Vec<String> = others.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
        format!("{}?{}", self.raw_path, query.join("&"))
    }

    /// A header that has to be readable if it is there.
    ///
    /// # Errors
    /// 400 if it is no text.
    pub fn text_header(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.headers.get(name) {
            None => Ok(None),
            Some(value) => value.to_str().map(Some).map_err(|_| Problem::new(&MALFORMED, format!("the header {name} is not ASCII"))),
        }
    }
}

fn object(body: serde_json::Value) -> Result<serde_json::Map<String, serde_json::Value>, Problem> {
    match body {
        serde_json::Value::Object(members) => Ok(members),
        _ => Err(Problem::invalid([(String::new(), "the body must be an object".to_owned())])),
    }
}

/// Reads a value as a command and checks its shape.
///
/// # Errors
/// 422 with each field at fault.
pub fn read_json<T: DeserializeOwned + Validate<Context = ()>>(value: serde_json::Value) -> Result<T, Problem> {
    let command: T = serde_path_to_error::deserialize(value).map_err(|error| Problem::invalid([shape_error(&error)]))?;
    let errors = |report: garde::Report| {
        report.iter().map(|(path, error)| (camel_case(&pointer(&path.to_string())), error.to_string())).collect::<Vec<_>>()
    };
    command.validate().map_err(|report| Problem::invalid(errors(report)))?;
    Ok(command)
}

/// Reads `sub`, `tenant` and `roles`; an array claim arrives as the text `[reader writer]`.
fn read_claims(claims: &HashMap<String, String>) -> Option<Caller> {
    let tenant = claims.get("tenant").filter(|tenant| headwater::StreamName::new(tenant, "d", "c", "i").is_ok())?;
    let subject = claims.get("sub").filter(|subject| !subject.is_empty() && subject.len() <= 256)?;
    let roles = claims.get("roles").map_or("", String::as_str);
    let roles = roles.trim_matches(['[', ']']).split([' ', ',']).filter(|role| !role.is_empty()).map(str::to_owned).collect();
    Some(Caller { tenant: tenant.clone(), subject: subject.clone(), roles })
}

/// Lambda's deadline is a time of day; what is left of it, less the time to answer, counts from now.
pub(crate) fn deadline(deadline_ms: u64) -> Instant {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::now() + Duration::from_millis(deadline_ms).saturating_sub(now).saturating_sub(ANSWER_MARGIN)
}

/// The pointer and text of a body that has not the shape of its type; an unknown field is pointed at itself.
fn shape_error(error: &serde_path_to_error::Error<serde_json::Error>) -> (String, String) {
    let text = error.inner().to_string();
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { pointer(&path) };
    match text.strip_prefix("unknown field `").or_else(|| text.strip_prefix("missing field `")).and_then(|rest| rest.split_once('`')) {
        Some((field, _)) if !path.ends_with(&format!("/{field}")) => (format!("{path}/{field}"), text),
        _ => (path, text),
    }
}

/// Turns a path such as `lineItems[2].unitPrice` into the JSON pointer `/lineItems/2/unitPrice`.
fn pointer(path: &str) -> String {
    path.split(['.', '[', ']']).filter(|part| !part.is_empty()).map(|part| format!("/{part}")).collect()
}

/// `garde` names fields as Rust does; clients know them as serde renames them.
fn camel_case(pointer: &str) -> String {
    let mut words = pointer.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        text + &initial.to_uppercase() + rest
    })
}

#[cfg(test)]
mod tests;
