//! Bodies of requests: JSON that means the same to every reader, and problems that name a place in
//! it.
#![no_main]

use garde::Validate;
use headwater::field::LARGEST_INTEGER;
use headwater_fuzz::for_each_command;
use headwater_lambda::{Problem, parse_json, read_json};
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let lenient = serde_json::from_slice::<Value>(without_bom(body));
    let value = match parse_json(body) {
        Ok(value) => value,
        Err(problem) if problem.status() == 422 => {
            names_places(&problem, &lenient.expect("it is JSON"));
            return;
        }
        Err(problem) => return assert_eq!(problem.status(), 400),
    };
    assert_eq!(lenient.ok().as_ref(), Some(&value), "a lenient reader reads the same");
    has_exact_numbers(&value);
    no_member_comes_twice(&value);
    commands(&value);
});

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

fn has_exact_numbers(value: &Value) {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
            assert!(size.is_none_or(|size| size <= LARGEST_INTEGER), "{number}");
            assert!(number.as_f64().is_some_and(f64::is_finite), "{number}");
        }
        Value::Array(items) => items.iter().for_each(has_exact_numbers),
        Value::Object(members) => members.values().for_each(has_exact_numbers),
        _ => {}
    }
}

/// With its first member once more, in other letters, it is refused.
fn no_member_comes_twice(value: &Value) {
    let Some(name) = value.as_object().and_then(|members| members.keys().next()) else { return };
    let escaped: String = name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let twice = format!("{{\"{escaped}\":0,{}", &value.to_string()[1..]);
    let refused = parse_json(twice.as_bytes()).expect_err("a member comes twice");
    assert_eq!(refused.status(), 400);
}

fn commands(value: &Value) {
    for_each_command!(command(value));
    command::<licensing::LicenseRequest>(value);
    command::<licensing::Session>(value);
}

fn command<C: DeserializeOwned + Validate<Context = ()>>(value: &Value) {
    // serde reads arrays as structs, so that requests are read by their members.
    if !value.is_object() {
        return;
    }
    if let Err(problem) = read_json::<C>(value.clone()) {
        assert_eq!(problem.status(), 422);
        names_places(&problem, value);
    }
}

/// Each pointer of a problem leads to a place in the body, or to a member that it lacks.
fn names_places(problem: &Problem, body: &Value) {
    let answer: Value = serde_json::from_str(&problem.answer().body).expect("a problem is JSON");
    let errors = answer["errors"].as_array().expect("errors");
    assert!(!errors.is_empty());
    for pointer in errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")) {
        let parent = pointer.rsplit_once('/').map_or(pointer, |(parent, _)| parent);
        assert!(body.pointer(parent).is_some(), "{pointer} leads nowhere in {body}");
    }
}
