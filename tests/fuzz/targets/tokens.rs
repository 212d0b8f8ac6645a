//! Headers of tokens and tags, and grants.
#![no_main]

use headwater::{StreamName, Token};
use headwater_dynamodb::{IfMatch, IfNoneMatch};
use headwater_lambda::{parse_if_match, parse_if_none_match, parse_tokens};
use libfuzzer_sys::fuzz_target;
use licensing::GrantKey;

fuzz_target!(|header: &str| {
    if let Ok(tokens) = parse_tokens(header, "acme") {
        same_again(&tokens);
    }
    if let Ok(IfMatch::AnyOf(tokens)) = parse_if_match(header, "acme") {
        same_again(&tokens);
    }
    if let Ok(IfNoneMatch::NoneOf(tags)) = parse_if_none_match(header) {
        assert!(!tags.is_empty() && tags.iter().all(|tag| !tag.contains(['"', ' '])));
    }
    if let Ok(stream) = header.parse::<StreamName>() {
        assert_eq!(stream.to_string(), header);
    }
    let key = GrantKey::new(&[7; 32]).expect("32 bytes");
    assert!(key.verify(header).is_err(), "nobody but the key makes a grant");
});

/// What was read is written so that it is read again.
fn same_again(tokens: &[Token]) {
    if !tokens.is_empty() {
        let header = tokens.iter().map(Token::quoted).collect::<Vec<_>>().join(", ");
        assert_eq!(parse_tokens(&header, "acme").as_deref(), Ok(tokens));
    }
}
