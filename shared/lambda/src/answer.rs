use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_lambda_events::encodings::Body;
use headwater::{FeedPosition, Rendering, StreamName, Token};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::problem::PRECONDITION_FAILED;
use crate::{LARGEST_ANSWER, Page, Problem, Request};

/// An answer to an HTTP call. It can be recorded under an Idempotency-Key and returned again.
///
/// ```
/// use headwater::StreamName;
/// use headwater_lambda::Answer;
/// use serde_json::json;
///
/// let counted = Answer::json(200, &json!({ "coins": 7 })).header("cache-control", "no-store");
/// assert_eq!((counted.status, counted.body.as_str()), (200, r#"{"coins":7}"#));
///
/// let till = StreamName::new("acme", "shop", "tills", "front")?;
/// let opened = Answer::command(201, &till, 1);
/// assert_eq!(opened.body, r#"{"id":"front","version":1}"#);
/// assert!(opened.headers.contains(&("etag".into(), r#""acme/shop/tills/front@1""#.into())));
/// # Ok::<(), headwater::InvalidStreamName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, lower-case.
    pub headers: Vec<(String, String)>,
    /// The body; empty for 304.
    pub body: String,
}

impl Answer {
    /// A JSON body; 500 if it cannot be written as JSON, which is a defect of its type.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self::of_json(status, body),
            Err(error) => Problem::internal(error).answer(),
        }
    }

    fn of_json(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body,
        }
    }

    /// An HTML page.
    pub fn html(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())],
            body,
        }
    }

    /// Sets a header; one of that name is replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(existing, _)| existing != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The answer of a command that left its stream at `version`: `{"id", "version"}`, with the
    /// token as `ETag` and `Consistency-Token`.
    pub fn command(status: u16, stream: &StreamName, version: u64) -> Self {
        Self::json(status, &json!({ "id": stream.id(), "version": version })).at(stream, version)
    }

    /// An answer that was recorded under an Idempotency-Key.
    ///
    /// # Errors
    /// 500 if what was recorded is no answer.
    pub fn replayed(recorded: Value) -> Result<Self, Problem> {
        let answer: Self = serde_json::from_value(recorded).map_err(Problem::internal)?;
        Ok(answer.header("idempotency-replayed", "true"))
    }

    /// With the token of a stream's version as `ETag` and `Consistency-Token`, for an answer of a
    /// command's own.
    #[must_use]
    pub fn at(self, stream: &StreamName, version: u64) -> Self {
        let token = Token::of(stream, version).quoted();
        self.header("etag", &token).header("consistency-token", &token)
    }

    /// The answer of a query for one entity as of `version`; 304 if the caller has it already.
    ///
    /// # Errors
    /// 400 if a condition cannot be read, 412 if `If-Match` does not name it.
    pub fn entity(
        request: &Request,
        stream: &StreamName,
        version: u64,
        rendering: Rendering,
        body: &impl Serialize,
    ) -> Result<Self, Problem> {
        Self::json(200, body).of_entity(request, stream, version, rendering)
    }

    /// With the tags of a query for one entity as of `version`, where the answer is no JSON; 304 if
    /// the caller has it already.
    ///
    /// # Errors
    /// 400 if a condition cannot be read, 412 if `If-Match` does not name it.
    pub fn of_entity(
        self,
        request: &Request,
        stream: &StreamName,
        version: u64,
        rendering: Rendering,
    ) -> Result<Self, Problem> {
        let token = Token::of(stream, version);
        let etag = token.clone().rendered(rendering).to_string();
        Ok(self.tagged(request, &etag)?.header("consistency-token", &token.quoted()))
    }

    /// The answer of a query for a collection: the tag is a hash of the body, the token a position
    /// of the domain's change feed.
    ///
    /// # Errors
    /// 400 if a condition cannot be read, 412 if `If-Match` does not name it.
    pub fn collection(
        request: &Request,
        position: Option<FeedPosition>,
        body: &impl Serialize,
    ) -> Result<Self, Problem> {
        Self::json(200, body).of_collection(request, position)
    }

    /// The answer, if Lambda accepts its size. For answers that are no list, and so cannot be cut.
    /// `parameter` is the parameter that makes it large.
    ///
    /// # Errors
    /// 422 if the body is over [`LARGEST_ANSWER`].
    pub fn if_it_fits(self, parameter: &str, what_to_do: &str) -> Result<Self, Problem> {
        if self.body.len() <= LARGEST_ANSWER {
            return Ok(self);
        }
        let what = format!(
            "the answer would have {} bytes, more than the {LARGEST_ANSWER} that it may: \
             {what_to_do}",
            self.body.len()
        );
        Err(Problem::invalid([(format!("/query/{parameter}"), what)]))
    }

    fn of_collection(
        self,
        request: &Request,
        position: Option<FeedPosition>,
    ) -> Result<Self, Problem> {
        let etag = self.hash();
        let answer = self.tagged(request, &etag)?;
        Ok(match position {
            Some(position) => {
                answer.header("consistency-token", &Token::of_feed(position).quoted())
            }
            None => answer,
        })
    }

    /// As a document that is the same for everybody until the next deployment: with a hash of the
    /// body as its tag, and kept by caches for some minutes.
    #[must_use]
    pub fn document(self) -> Self {
        let etag = format!("\"{}\"", self.hash());
        self.header("etag", &etag).header("cache-control", "public, max-age=300")
    }

    /// The answer, or 304 if the caller has it already, by the request's conditions.
    ///
    /// # Errors
    /// 400 if a condition cannot be read, 412 if `If-Match` does not name it.
    pub fn unless_known(self, request: &Request) -> Result<Self, Problem> {
        let tag = self
            .headers
            .iter()
            .find(|(name, _)| name == "etag")
            .map_or("", |(_, tag)| tag.trim_matches('"'));
        if !request.matches(tag)? {
            return Err(Problem::new(
                &PRECONDITION_FAILED,
                "`If-Match` does not name what there is",
            ));
        }
        if request.if_none_match()?.is_none_or(|known| !known.names(tag)) {
            return Ok(self);
        }
        let headers = self.headers.into_iter().filter(|(name, _)| name != "content-type").collect();
        Ok(Self { status: 304, headers, body: String::new() })
    }

    fn tagged(self, request: &Request, etag: &str) -> Result<Self, Problem> {
        self.header("etag", &format!("\"{etag}\""))
            .header("cache-control", "private, no-cache")
            .unless_known(request)
    }

    /// A hash of the body, as its tag.
    fn hash(&self) -> String {
        let hash: String = Sha256::digest(self.body.as_bytes())
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("h{hash}")
    }

    /// A page of a list: `{"items", "next"}` and a `Link` to the next page. The token is a position
    /// of the domain's change feed, if the page shows everything up to it.
    ///
    /// # Errors
    /// 400 if a condition cannot be read, 412 if `If-Match` does not name it.
    pub fn page(
        request: &Request,
        position: Option<FeedPosition>,
        page: Page,
    ) -> Result<Self, Problem> {
        let next = request.cursor_after(page.next)?;
        let link = next.as_ref().map(|cursor| request.link_to(cursor));
        let answer =
            Self::of_json(200, format!(r#"{{"items":{},"next":{}}}"#, page.items, json!(next)));
        let answer = answer.of_collection(request, position)?;
        Ok(match link {
            Some(link) => answer.header("link", &format!("<{link}>; rel=\"next\"")),
            None => answer,
        })
    }
}

impl From<Answer> for ApiGatewayV2httpResponse {
    fn from(answer: Answer) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in &answer.headers {
            // A value that no header can carry would fail the whole answer, so it is dropped; ours
            // are all visible ASCII.
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                headers.insert(name, value);
            }
        }
        let mut response = Self::default();
        response.status_code = i64::from(answer.status);
        response.headers = headers;
        response.body = Some(Body::Text(answer.body));
        response
    }
}

impl From<Answer> for Value {
    fn from(answer: Answer) -> Self {
        json!({ "status": answer.status, "headers": answer.headers, "body": answer.body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_no_success() {
        // JSON has no keys but strings.
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(Answer::json(200, &unwritable).status, 500);
    }

    #[test]
    fn what_never_was_has_a_token_too() {
        let stream = StreamName::new("acme", "identity", "users", "1").unwrap();
        let answer = Answer::command(200, &stream, 0);
        for name in ["etag", "consistency-token"] {
            assert!(
                answer
                    .headers
                    .contains(&(name.to_owned(), "\"acme/identity/users/1@0\"".to_owned())),
                "{answer:?}"
            );
        }
    }
}
