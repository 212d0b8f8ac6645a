//! Requests as the gateway hands them on: cursors, limits, conditions and tokens of lists.
#![no_main]

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use headwater_lambda::{Access, Request};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// `{"sub":"me","tenant":"acme","roles":["reader"]}`, unsigned.
const TOKEN: &str =
    "Bearer e30.eyJzdWIiOiJtZSIsInRlbmFudCI6ImFjbWUiLCJyb2xlcyI6WyJyZWFkZXIiXX0.c2ln";

/// A text as a query string has it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

// A cursor, a line, a number or a time, a line, and a header.
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n').map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let (cursor, number, header) = (line(), line(), line());
    let read = |cursor: &str, header: &str| {
        let event: ApiGatewayV2httpRequest = serde_json::from_value(json!({
            "headers": { "authorization": TOKEN, "consistency-token": header, "if-match": header, "if-none-match": header, "prefer": header, "idempotency-key": header },
            "rawQueryString": format!("cursor={0}&limit={1}&after={1}&at={1}&id={1}", encoded(cursor), encoded(&number)),
            "requestContext": {
                "timeEpoch": 0, "http": { "method": "GET" },
                "authorizer": { "jwt": { "claims": { "sub": "me", "tenant": "acme", "roles": "[reader]" }, "scopes": null } },
            },
            "isBase64Encoded": false,
        }))
        .ok()?;
        Request::read(event, 0, Access::Reader).ok()
    };
    let Some(request) = read(&cursor, &header) else { return };
    if let Ok(limit) = request.limit() {
        assert!((1..=200).contains(&limit));
    }
    request.number("after").ok();
    request.time("at").ok();
    request.id("id").ok();
    request.if_match().ok();
    request.if_none_match().ok();
    request.id_to_create().ok();
    request.wait_until();
    let (Ok(found), Ok(tokens)) = (request.cursor(), request.tokens()) else { return };
    found.number().ok();
    // A list goes on from what it gives, with the tokens that it was begun with.
    let Ok(Some(next)) = request.cursor_after(Some(found.after.clone())) else { return };
    let next = read(&next, "").expect("a request");
    assert_eq!(next.cursor().map(|cursor| cursor.after).ok(), Some(found.after));
    if !tokens.is_empty() {
        assert_eq!(read_tokens(&next), tokens);
    }
});

/// An empty header is no list of tokens, so it is left out.
fn read_tokens(request: &Request) -> Vec<headwater::Token> {
    let carried = request.cursor().ok().and_then(|cursor| cursor.tokens).unwrap_or_default();
    headwater::parse_tokens(&carried, "acme").unwrap_or_default()
}
