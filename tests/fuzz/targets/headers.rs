//! Headers that are lists: tags, conditions, tokens and preferences, in one field or in several.
#![no_main]

use headwater_dynamodb::{IfMatch, IfNoneMatch};
use headwater_fuzz::Gateway;
use headwater_lambda::{Request, Tag, parse_tags};
use libfuzzer_sys::fuzz_target;

/// The longest wait that is heeded, in seconds.
const LONGEST_WAIT: u64 = 10;

// The fields of a header, a line each.
fuzz_target!(|text: &str| {
    let fields: Vec<&str> = text.lines().collect();
    let Some(request) = with(&fields) else { return };
    tags(&request, &fields);
    if let [field] = fields[..] {
        preferences(&request, field);
    }
});

/// A request with these fields of each header, if a header may hold them.
fn with(fields: &[&str]) -> Option<Request> {
    const NAMES: [&str; 4] = ["if-match", "if-none-match", "consistency-token", "prefer"];
    let headers: Vec<_> =
        NAMES.iter().flat_map(|name| fields.iter().map(move |field| (*name, *field))).collect();
    Gateway { headers: &headers, ..Gateway::default() }.request()
}

/// Several fields are one list, and who reads it as a condition or as tokens finds its tags.
fn tags(request: &Request, fields: &[&str]) {
    let list = fields.join(", ");
    let tags = parse_tags(&list);
    if let Ok(tags) = &tags {
        assert_eq!(parse_tags(&written(tags)).as_ref(), Ok(tags), "it is read as it is written");
        // What stands in a field alone is found there alone, too.
        let alone: Result<Vec<_>, _> = fields
            .iter()
            .filter(|field| !field.trim_matches([' ', '\t', ',']).is_empty())
            .map(|field| parse_tags(field))
            .collect();
        if let Ok(alone) = alone {
            assert_eq!(&alone.concat(), tags);
        }
    }
    match request.if_none_match() {
        Ok(Some(IfNoneMatch::NoneOf(found))) => {
            let tags = tags.as_ref().expect("they were read");
            assert!(found.iter().eq(tags.iter().map(|tag| tag.text)));
        }
        Ok(Some(IfNoneMatch::Absent)) => assert_eq!(list.trim_matches([' ', '\t']), "*"),
        Ok(None) => assert!(fields.is_empty()),
        Err(problem) => assert_eq!((problem.status(), tags.is_err()), (400, true)),
    }
    match request.if_match() {
        Ok(Some(IfMatch::AnyOf(tokens))) => {
            let tags = tags.as_ref().expect("they were read");
            let strong: Vec<_> = tags.iter().filter(|tag| !tag.weak).map(|tag| tag.text).collect();
            assert!(tokens.iter().all(|token| strong.contains(&token.to_string().as_str())));
        }
        Ok(Some(IfMatch::Exists)) => assert_eq!(list.trim_matches([' ', '\t']), "*"),
        Ok(None) => assert!(fields.is_empty()),
        Err(problem) => assert_eq!(problem.status(), 400),
    }
    if let Ok(tokens) = request.tokens() {
        assert!(tokens.len() <= 20);
        for token in tokens {
            assert!(token.streams.iter().all(|position| position.stream.tenant() == "acme"));
            assert!(token.feeds.iter().all(|position| position.tenant == "acme"));
        }
    }
}

fn written(tags: &[Tag<'_>]) -> String {
    let one = |tag: &Tag<'_>| format!("{}\"{}\"", if tag.weak { "W/" } else { "" }, tag.text);
    tags.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The first `wait` counts, whatever comes after it; what stands in quotes counts for nothing.
fn preferences(request: &Request, header: &str) {
    let wait = |header: &str| with(&[header]).expect("a header").preferred_wait();
    let found = request.preferred_wait();
    assert!(found.is_none_or(|seconds| seconds <= LONGEST_WAIT));
    assert_eq!(wait(&format!("wait=7, {header}")), Some(7));
    let quoted = header.replace('\\', "\\\\").replace('"', "\\\"");
    assert_eq!(wait(&format!("note=\"{quoted}\", wait=3")), Some(3));
    if let Some(seconds) = found {
        assert_eq!(wait(&format!("{header}, wait=7")), Some(seconds));
    }
}
