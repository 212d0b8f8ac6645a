//! A query, as the gateway hands it on.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use headwater_lambda::{Access, Request};
use serde_json::json;

/// `{"sub":"me","tenant":"acme","roles":["reader"]}`, unsigned.
const TOKEN: &str =
    "Bearer e30.eyJzdWIiOiJtZSIsInRlbmFudCI6ImFjbWUiLCJyb2xlcyI6WyJyZWFkZXIiXX0.c2ln";

/// What a client has sent.
#[derive(Clone, Copy, Default)]
pub struct Gateway<'a> {
    /// Its query string, as it stands in the URL.
    pub query: &'a str,
    /// Fields of headers, each with its name.
    pub headers: &'a [(&'static str, &'a str)],
}

impl Gateway<'_> {
    /// The request of a reader, unless a header cannot hold what it is to hold.
    pub fn request(&self) -> Option<Request> {
        let mut event: ApiGatewayV2httpRequest = serde_json::from_value(json!({
            "headers": { "authorization": TOKEN },
            "rawQueryString": self.query,
            "requestContext": {
                "timeEpoch": 0,
                "http": { "method": "GET" },
                "authorizer": { "jwt": {
                    "claims": { "sub": "me", "tenant": "acme", "roles": "[reader]" },
                    "scopes": null,
                } },
            },
            "isBase64Encoded": false,
        }))
        .expect("an event");
        for (name, field) in self.headers {
            let field = http::HeaderValue::from_bytes(field.as_bytes()).ok()?;
            event.headers.append(*name, field);
        }
        Request::read(event, 0, Access::Reader).ok()
    }
}
