//! Requests as the gateway hands them on: cursors, limits, conditions and tokens of lists.
#![no_main]

use headwater_fuzz::Gateway;
use headwater_lambda::Request;
use libfuzzer_sys::fuzz_target;

/// A text as a query string has it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The headers that a list's request may bring.
const HEADERS: [&str; 5] =
    ["consistency-token", "if-match", "if-none-match", "prefer", "idempotency-key"];

// A cursor, a line, a number or a time, a line, and a header.
fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n').map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let (cursor, number, header) = (line(), line(), line());
    let read = |cursor: &str, header: Option<&str>| {
        let (cursor, number) = (encoded(cursor), encoded(&number));
        let query =
            format!("cursor={cursor}&limit={number}&after={number}&at={number}&id={number}");
        let headers: Vec<_> =
            header.iter().flat_map(|header| HEADERS.map(|name| (name, *header))).collect();
        Gateway { query: &query, headers: &headers }.request()
    };
    let Some(request) = read(&cursor, Some(header.as_str())) else { return };
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
    let next = read(&next, None).expect("a request");
    assert_eq!(next.cursor().map(|cursor| &cursor.after).ok(), Some(&found.after));
    if !tokens.is_empty() {
        assert_eq!(read_tokens(&next), tokens);
    }
});

/// The tokens that the cursor carries.
fn read_tokens(request: &Request) -> Vec<headwater::Token> {
    let carried =
        request.cursor().ok().and_then(|cursor| cursor.tokens.clone()).unwrap_or_default();
    headwater_lambda::parse_tokens(&carried, "acme").unwrap_or_default()
}
