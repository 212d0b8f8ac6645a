use serde_json::json;

use super::super::tests::read;
use super::*;

/// serde would read an array as a struct, field by field; no client means that.
#[test]
fn a_body_is_an_object() {
    #[derive(Debug, serde::Deserialize, Validate)]
    struct Body {
        #[garde(skip)]
        name: String,
    }
    let request = |body: &str| read(json!({ "body": body })).unwrap();
    assert_eq!(request(r#"{"name": "x"}"#).json::<Body>().unwrap().name, "x");
    for (body, status) in
        [(r#"["x"]"#, 422), ("\"x\"", 422), ("null", 422), ("{", 400), ("", 400), ("{} {}", 400)]
    {
        assert_eq!(request(body).json::<Body>().unwrap_err().status(), status, "{body}");
    }
}

#[test]
fn a_body_may_be_a_list_of_objects() {
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[garde(length(min = 1))]
        name: String,
    }
    let list = |body: &str| read(json!({ "body": body })).unwrap().json_list::<Item>(2);
    assert_eq!(list(r#"[{"name": "x"}, {"name": "y"}]"#).unwrap()[1].name, "y");
    assert_eq!(list("[").unwrap_err().status(), 400);
    for (body, pointer) in [
        ("[]", ""),
        (r#"{"name": "x"}"#, ""),
        (r#"[{"name": "x"}, {"name": "x"}, {"name": "x"}]"#, ""),
        (r#"[["x"]]"#, "/0"),
        (r#"[{"name": "x"}, {"name": ""}]"#, "/1/name"),
        (r#"[{"name": "x"}, {"name": 7}]"#, "/1/name"),
        (r#"[{"name": "x"}, {"name": "x", "other": 1}]"#, "/1/other"),
        (r#"[{"name": "x"}, {}]"#, "/1/name"),
    ] {
        let problem = list(body).unwrap_err();
        let answer: Value = serde_json::from_str(&problem.answer().body).unwrap();
        assert_eq!(
            (problem.status(), &answer["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}"
        );
    }
}

#[test]
fn no_body_has_no_members() {
    let members = |body: Value| read(json!({ "body": body })).unwrap().members();
    assert_eq!(members(Value::Null).unwrap().len(), 0);
    assert_eq!(members(json!("")).unwrap().len(), 0);
    assert_eq!(members(json!(r#"{"version": 7}"#)).unwrap()["version"], 7);
    for (body, status) in [("{", 400), ("[]", 422), ("null", 422), ("7", 422)] {
        assert_eq!(members(json!(body)).unwrap_err().status(), status, "{body}");
    }
}

#[test]
fn fields_are_pointed_at_by_their_json_names() {
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Body {
        #[garde(dive)]
        line_items: Vec<Item>,
    }
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Item {
        #[garde(length(min = 1))]
        unit_price: String,
    }
    for (body, expected) in [
        (
            json!({ "lineItems": [{ "unitPrice": "1" }, { "unitPrice": "" }] }),
            "/lineItems/1/unitPrice",
        ),
        (json!({ "lineItems": [{ "unitPrice": 7 }] }), "/lineItems/0/unitPrice"),
        (json!({ "lineItems": [{ "price": "1" }] }), "/lineItems/0/price"),
        (json!({ "lineItems": [{}] }), "/lineItems/0/unitPrice"),
        (json!({ "items": [] }), "/items"),
        (json!({}), "/lineItems"),
    ] {
        let problem = read_json::<Body>(body.clone()).unwrap_err();
        let answer: Value = serde_json::from_str(&problem.answer().body).unwrap();
        assert_eq!(answer["errors"][0]["pointer"], expected, "{body}");
    }
    assert!(
        read_json::<Body>(json!({ "lineItems": [{ "unitPrice": "1" }] }))
            .is_ok_and(|body| body.line_items[0].unit_price == "1")
    );
}

#[test]
fn a_member_that_comes_twice_is_refused_wherever_it_is() {
    for twice in [
        r#"{"a": 1, "a": 2}"#,
        r#"{"a": 1, "a": 1}"#,
        r#"{"a": 1, "\u0061": 1}"#,
        r#"{"a": {"b": 1, "c": 2, "b": null}}"#,
        r#"[{"a": 1}, {"a": 1, "a": 1}]"#,
        r#"{"a": [[{"b": {"c": 1, "c": 1}}]]}"#,
        r#"{"command": "IssueInvoice", "aggregateId": "i1", "command": "DeleteInvoice"}"#,
    ] {
        let problem = parse_json(twice.as_bytes()).unwrap_err();
        assert_eq!((problem.status(), problem.name()), (400, "malformed-request"), "{twice}");
        assert!(problem.answer().body.contains("comes twice"), "{}", problem.answer().body);
    }
    assert!(parse_json(br#"{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}], "A": 1}"#).is_ok());
}

#[test]
fn a_byte_order_mark_is_passed_over_and_other_encodings_are_named() {
    assert_eq!(parse_json("\u{feff}{\"a\": 1}".as_bytes()).unwrap(), json!({ "a": 1 }));
    for (body, words) in [
        (&b"\xff\xfe{\0}\0"[..], "not UTF-8"),
        (b"{\"a\": \"\xfc\"}", "not UTF-8"),
        (b"\x1f\x8b\x08", "not UTF-8"),
        ("\u{feff}\u{feff}{}".as_bytes(), "not JSON"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (&b"[".repeat(200), "recursion limit"),
    ] {
        let problem = parse_json(body).unwrap_err();
        assert!(
            problem.status() == 400 && problem.answer().body.contains(words),
            "{}",
            problem.answer().body
        );
    }
}

#[test]
fn whole_numbers_that_some_readers_would_round_are_pointed_at() {
    for (body, pointer) in [
        ("{\"revision\": 18446744073709551615}", "/revision"),
        ("{\"a/b\": [0, 9007199254740992]}", "/a~1b/1"),
        ("-9007199254740992", ""),
    ] {
        let problem = parse_json(body.as_bytes()).unwrap_err();
        let answer: Value = serde_json::from_str(&problem.answer().body).unwrap();
        assert_eq!(
            (problem.status(), &answer["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}"
        );
    }
    let exact =
        r#"[9007199254740991, -9007199254740991, 1e300, -0.5, true, null, "18446744073709551615"]"#;
    assert_eq!(
        parse_json(exact.as_bytes()).unwrap(),
        serde_json::from_str::<Value>(exact).unwrap()
    );
}

#[test]
fn a_coded_body_is_refused_with_the_coding_that_is_taken() {
    let coded = |coding: &str, body: &str| {
        read(json!({ "body": body, "headers": { "content-encoding": coding } }))
            .unwrap()
            .check_coding()
    };
    for coding in ["gzip", "GZIP", "br", "identity, gzip", "gzip, identity", "x-unknown"] {
        let problem = coded(coding, "{}").unwrap_err();
        assert_eq!((problem.status(), problem.name()), (415, "unsupported-media-type"), "{coding}");
        assert!(
            problem
                .answer()
                .headers
                .contains(&("accept-encoding".to_owned(), "identity".to_owned())),
            "{coding}"
        );
        assert!(coded(coding, "").is_ok(), "there is no body that it could be about");
    }
    assert!(
        ["identity", "Identity", "", " , identity"]
            .iter()
            .all(|coding| coded(coding, "{}").is_ok())
    );
}

#[test]
fn a_body_is_never_left_unread() {
    let check = |body: &str| {
        read(json!({ "body": body }))
            .unwrap()
            .takes_no_members()
            .map_err(|problem| problem.status())
    };
    for (body, expected) in [
        ("", Ok(())),
        ("{}", Ok(())),
        ("{\"version\": 3}", Err(422)),
        ("[]", Err(422)),
        ("{", Err(400)),
    ] {
        assert_eq!(check(body), expected, "{body}");
    }
}

#[test]
fn the_version_that_was_decided_on_stands_beside_the_commands_own_members() {
    let request = |body: &str| read(json!({ "body": body })).unwrap().decided_on_version();
    for (body, version) in [
        (r#"{"name": "x", "version": 3}"#, Some(3)),
        (r#"{"version": 9007199254740991, "name": "x"}"#, Some(LARGEST_INTEGER)),
        (r#"{"name": "x", "version": null}"#, None),
        (r#"{"name": "x"}"#, None),
    ] {
        let request = request(body).unwrap();
        assert_eq!(request.decided_on, version, "{body}");
        assert_eq!(request.members().unwrap(), *json!({ "name": "x" }).as_object().unwrap());
    }
    let none = request("").unwrap();
    assert_eq!((none.decided_on, none.members().unwrap().len()), (None, 0));
}

#[test]
fn a_version_is_a_number() {
    for bad in ["-1", "\"3\"", "1.5", "true", "[3]", "9007199254740992", "1e300"] {
        let request = read(json!({ "body": format!(r#"{{"version": {bad}}}"#) })).unwrap();
        let problem = request.decided_on_version().unwrap_err();
        assert_eq!(problem.status(), 422, "{bad}");
    }
}

/// A member may have any name, and its pointer is still that of RFC 6901.
#[test]
fn a_fault_is_pointed_at_whatever_its_member_is_called() {
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[garde(dive)]
        name: Option<Inner>,
    }
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[garde(skip)]
        #[expect(dead_code, reason = "what is read is not looked at")]
        name: String,
    }
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    fn pointer<T: DeserializeOwned + Validate<Context = ()>>(body: Value) -> String {
        let problem = read_json::<T>(body).err().expect("it is refused");
        let answer: Value = serde_json::from_str(&problem.answer().body).unwrap();
        answer["errors"][0]["pointer"].as_str().unwrap().to_owned()
    }
    for (name, expected) in [
        ("a.b", "/a.b"),
        ("a/b", "/a~1b"),
        ("a~b", "/a~0b"),
        ("a[0]", "/a[0]"),
        ("a`b", "/a`b"),
        ("a`, expected b", "/a`, expected b"),
        ("", "/"),
        ("?", "/?"),
        ("unit_price", "/unit_price"),
    ] {
        assert_eq!(pointer::<Body>(json!({ name: 1 })), expected);
        assert_eq!(pointer::<Nothing>(json!({ name: 1 })), expected);
        let nested = json!({ "name": { name: 1 } });
        assert_eq!(pointer::<Body>(nested), format!("/name{expected}"));
    }
    assert_eq!(pointer::<Body>(json!({ "name": {} })), "/name/name", "what is missing in it");
    assert_eq!(pointer::<Body>(json!({ "name": { "name": 1 } })), "/name/name");
    assert_eq!(pointer::<Body>(json!({ "name": 1 })), "/name");
}
