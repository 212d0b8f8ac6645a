//! Query strings: what is read of one is what an independent reader of forms finds in it, or it is
//! refused as a whole.
#![no_main]

use std::borrow::Cow;
use std::collections::BTreeMap;

use headwater_fuzz::Gateway;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &str| {
    let request = Gateway { query: raw, ..Gateway::default() }.request().expect("a request");
    let mut first = BTreeMap::<Cow<'_, str>, Cow<'_, str>>::new();
    for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
        first.entry(name).or_insert(value);
    }
    if !is_encoded(raw) {
        assert!(first.keys().all(|name| request.query(name).is_none()), "nothing is guessed");
        return;
    }
    for (name, value) in &first {
        assert_eq!(request.query(name), Some(&**value), "{name}");
    }
    let unknown = format!("{raw}x");
    assert_eq!(request.query(&unknown), first.get(&*unknown).map(|value| &**value));
});

/// Whether each `%` has two digits behind it, and each name and value is UTF-8.
fn is_encoded(raw: &str) -> bool {
    let bytes = raw.as_bytes();
    let escapes = (0..bytes.len()).filter(|place| bytes[*place] == b'%');
    escapes.into_iter().all(|place| {
        let digits = bytes.get(place + 1..place + 3).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    }) && raw
        .split(['&', '='])
        .all(|part| percent_encoding::percent_decode_str(part).decode_utf8().is_ok())
}
