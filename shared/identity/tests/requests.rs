//! What a request may hold, and how a violation names its field.

use garde::Validate;
use identity::ApplyExternalUser;
use identity::group::{CreateGroup, PatchGroup};
use identity::user::{CreateUser, PatchUser, ReplaceUser};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The fields at fault, as the JSON of the request names them, in order of name. garde reports them
/// by their names in Rust.
fn faults<T: Validate<Context = ()> + DeserializeOwned + Serialize>(request: Value) -> Vec<String> {
    let request: T = serde_json::from_value(request).expect("the shape is right");
    let Err(report) = request.validate() else { return vec![] };
    report.iter().map(|(path, _)| camel_case(&path.to_string())).collect()
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

fn is_refused<T: DeserializeOwned>(request: Value) -> bool {
    serde_json::from_value::<T>(request).is_err()
}

fn create(changes: Value) -> Value {
    merged(
        json!({ "userName": "ada", "displayName": "Ada Lovelace", "email": "ada@example.com" }),
        changes,
    )
}

fn external(changes: Value) -> Value {
    merged(create(json!({ "externalId": "7", "revision": 1, "active": true })), changes)
}

fn merged(mut request: Value, changes: Value) -> Value {
    let changes = changes.as_object().expect("an object").clone();
    request.as_object_mut().expect("an object").extend(changes);
    request
}

#[test]
fn every_field_of_a_new_user_is_checked() {
    let check = |changes: Value| faults::<CreateUser>(create(changes));
    assert!(check(json!({})).is_empty());
    assert!(check(json!({ "id": "a-Z_9" })).is_empty());
    assert!(
        check(json!({ "userName": "ß".repeat(100), "displayName": "語".repeat(200) })).is_empty()
    );
    assert_eq!(check(json!({ "id": "a/b" })), ["id"]);
    assert_eq!(check(json!({ "id": "ext-7" })), ["id"]);
    assert_eq!(check(json!({ "userName": "" })), ["userName"]);
    assert_eq!(check(json!({ "userName": "x".repeat(101) })), ["userName"]);
    assert_eq!(check(json!({ "displayName": " Ada" })), ["displayName"]);
    assert_eq!(check(json!({ "displayName": "x".repeat(201) })), ["displayName"]);
    assert_eq!(
        check(json!({ "userName": "a\nb", "displayName": "", "email": "" })),
        ["displayName", "email", "userName"]
    );
}

#[test]
fn an_email_is_an_address_of_at_most_254_characters() {
    let check = |email: &str| faults::<CreateUser>(create(json!({ "email": email })));
    let long = |host: usize| {
        format!("{}@{}.example.com", "x".repeat(64), vec!["y".repeat(57); host].join("."))
    };
    for good in ["a@b.ch", "Ada.Lovelace+x@Example.COM", &long(3)] {
        assert!(check(good).is_empty(), "{good}");
    }
    for bad in [
        "ada",
        "@example.com",
        "ada@",
        "a da@example.com",
        "ada@exa mple.com",
        "ada@-x.com",
        "ada..lovelace@x.ch",
        &long(4),
    ] {
        assert_eq!(check(bad).first().map(String::as_str), Some("email"), "{bad}");
    }
}

#[test]
fn an_address_with_a_u_label_is_taken_as_its_a_label() {
    let email = json!({ "email": "ada@bücher.example" });
    let taken = "ada@xn--bcher-kva.example";
    assert_eq!(serde_json::from_value::<CreateUser>(create(email.clone())).unwrap().email, taken);
    assert_eq!(
        serde_json::from_value::<ApplyExternalUser>(external(email.clone())).unwrap().email,
        taken
    );
    assert_eq!(serde_json::from_value::<PatchUser>(email).unwrap().email.as_deref(), Some(taken));
}

#[test]
fn a_name_has_a_visible_character() {
    for hidden in ["\u{200b}", "\u{3164}", "\u{2800}", "\u{ad}\u{fe0f}", "\u{202e}"] {
        let names = json!({ "userName": hidden, "displayName": hidden });
        assert_eq!(
            faults::<CreateUser>(create(names.clone())),
            ["displayName", "userName"],
            "{hidden:?}"
        );
        assert_eq!(faults::<PatchUser>(names.clone()), ["displayName", "userName"]);
        assert_eq!(faults::<ApplyExternalUser>(external(names)), ["displayName", "userName"]);
        assert_eq!(faults::<CreateGroup>(json!({ "name": hidden })), ["name"]);
        assert_eq!(faults::<PatchGroup>(json!({ "name": hidden })), ["name"]);
    }
    assert!(
        faults::<CreateUser>(create(
            json!({ "userName": "a\u{200b}da", "displayName": "👩\u{200d}🚀" })
        ))
        .is_empty()
    );
}

#[test]
fn a_revision_is_a_number_that_every_json_reader_holds() {
    let check =
        |revision: u64| faults::<ApplyExternalUser>(external(json!({ "revision": revision })));
    assert!(check(0).is_empty() && check(9_007_199_254_740_991).is_empty());
    assert_eq!(
        (check(9_007_199_254_740_992), check(u64::MAX)),
        (vec!["revision".to_owned()], vec!["revision".to_owned()])
    );
}

#[test]
fn a_patch_is_checked_where_it_sets() {
    assert!(faults::<PatchUser>(json!({})).is_empty());
    let all_wrong = json!({ "userName": "", "displayName": "x".repeat(201), "email": "ada" });
    assert_eq!(faults::<PatchUser>(all_wrong), ["displayName", "email", "userName"]);
    assert!(faults::<PatchGroup>(json!({ "description": null })).is_empty());
    assert_eq!(
        faults::<PatchGroup>(json!({ "name": " ", "description": "x".repeat(2001) })),
        ["description", "name"]
    );
}

#[test]
fn a_replaced_user_is_checked_and_needs_all_its_fields() {
    let whole = create(json!({ "active": false }));
    assert!(faults::<ReplaceUser>(whole.clone()).is_empty());
    let all_wrong = json!({ "userName": "", "displayName": "x".repeat(201), "email": "ada" });
    let all_wrong = merged(whole.clone(), all_wrong);
    assert_eq!(faults::<ReplaceUser>(all_wrong), ["displayName", "email", "userName"]);
    for field in ["userName", "displayName", "email", "active"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(is_refused::<ReplaceUser>(without), "{field}");
        assert!(is_refused::<ReplaceUser>(merged(whole.clone(), json!({ field: null }))));
    }
    assert!(is_refused::<ReplaceUser>(merged(whole, json!({ "id": "ada" }))));
}

#[test]
fn a_new_group_is_checked() {
    assert!(
        faults::<CreateGroup>(json!({ "name": "Crew", "description": "語".repeat(2000) }))
            .is_empty()
    );
    assert!(faults::<CreateGroup>(json!({ "name": "Crew", "description": null })).is_empty());
    let all_wrong = json!({ "id": "", "name": "x".repeat(201), "description": "x".repeat(2001) });
    assert_eq!(faults::<CreateGroup>(all_wrong), ["description", "id", "name"]);
}

#[test]
fn an_external_user_is_checked() {
    let check = |changes: Value| faults::<ApplyExternalUser>(external(changes));
    assert!(
        check(json!({ "externalId": "x".repeat(60), "revision": 9_007_199_254_740_991_u64 }))
            .is_empty()
    );
    assert_eq!(check(json!({ "externalId": "x".repeat(61) })), ["externalId"]);
    assert_eq!(
        check(json!({ "externalId": "a/b", "userName": "", "displayName": "", "email": "x" }))
            .len(),
        4
    );
    assert!(is_refused::<ApplyExternalUser>(external(json!({ "revision": -1 }))));
    assert!(is_refused::<ApplyExternalUser>(external(json!({ "active": null }))));
}

#[test]
fn unknown_fields_missing_fields_and_null_are_refused() {
    assert!(is_refused::<CreateUser>(create(json!({ "nickname": "x" }))));
    assert!(is_refused::<CreateUser>(json!({ "userName": "ada" })));
    assert!(is_refused::<CreateUser>(create(json!({ "userName": null }))));
    assert!(is_refused::<CreateGroup>(json!({ "name": "Crew", "owner": "ada" })));
    assert!(is_refused::<PatchGroup>(json!({ "name": null })));
    assert!(is_refused::<ApplyExternalUser>(external(json!({ "id": "7" }))));
    for field in ["userName", "displayName", "email"] {
        assert!(is_refused::<PatchUser>(json!({ field: null })), "{field}");
    }
    assert!(is_refused::<PatchUser>(json!({ "status": "active" })));
}
