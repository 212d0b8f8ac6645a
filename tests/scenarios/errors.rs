//! Every error of the contract, with its status and type, and nothing written.

use anyhow::Result;
use headwater_tests::Client;
use serde_json::{Value, json};

use crate::execute::calls_on;
use crate::execute::identity::life;
use crate::support::{create_group, create_user, events, shared_platform, user};

/// The queries of identity on a user `{u}` and a group `{g}`.
const QUERIES: [&str; 9] = [
    "/identity/users/{u}",
    "/identity/users/{u}/audit",
    "/identity/users/{u}/groups",
    "/identity/groups/{g}",
    "/identity/groups/{g}/members",
    "/events/identity/users/{u}",
    "/states/identity/users/{u}",
    "/events/identity/groups/{g}/members/{u}",
    "/states/identity/groups/{g}",
];

#[tokio::test]
async fn another_tenants_things_are_not_found_on_any_route() -> Result<()> {
    let platform = shared_platform()?;
    let owner = platform.client("owner").await?;
    let (ada, group) = (create_user(&owner, "ada").await?, create_group(&owner, "Engines").await?);
    owner
        .call("PUT", &format!("/identity/groups/{}/members/{}", group.id(), ada.id()))
        .send()
        .await?
        .expect(200)?;
    platform.settled().await?;
    let stranger = platform.client("stranger2").await?;
    let queries = QUERIES.iter().map(|path| {
        let path = path.replace("{u}", ada.id()).replace("{g}", group.id());
        ("GET", path, Value::Null)
    });
    let id_of = |path: &str, name: &str| {
        let is_group = name == "id" && path.starts_with("/identity/groups");
        if is_group { group.id().to_owned() } else { ada.id().to_owned() }
    };
    for (method, path, body) in queries.chain(calls_on(life(), id_of)) {
        let call = stranger.call(method, &path);
        let call = if body.is_null() { call } else { call.json(&body) };
        let what = format!("{method} {path} {body}");
        call.send().await?.problem(404, "not-found").map_err(|error| error.context(what))?;
    }
    // Nor does a list show them, or their names count as taken.
    assert_eq!(stranger.get("/identity/users").await?.body["items"], json!([]));
    create_user(&stranger, "ada").await?;
    assert_eq!(
        events(&owner, &format!("identity/users/{}", ada.id())).await?.len(),
        4,
        "nothing was written"
    );
    Ok(())
}

#[tokio::test]
async fn where_there_is_no_call_that_is_told() -> Result<()> {
    let platform = shared_platform()?;
    platform
        .client("nowhere")
        .await?
        .call("GET", "/identity/nothing")
        .send()
        .await?
        .problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn fields_at_fault_are_named() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("fields").await?;
    let with = |field: &str, value: Value| {
        let mut body = user("ada");
        body[field] = value;
        body
    };
    let mut missing = user("ada");
    missing.as_object_mut().map(|body| body.remove("email"));
    for (body, pointer) in [
        (with("userName", json!("")), "/userName"),
        (with("userName", json!(7)), "/userName"),
        (with("userName", json!(" ada")), "/userName"),
        (with("displayName", json!("x".repeat(201))), "/displayName"),
        (with("email", json!("nonsense")), "/email"),
        (with("id", json!("a/b")), "/id"),
        (with("id", json!("ext-1")), "/id"),
        (with("nickName", json!("A")), "/nickName"),
        (missing, "/email"),
    ] {
        let reply = client.post("/identity/users", &body).await?.problem(422, "invalid-request")?;
        assert_eq!(reply.body["errors"][0]["pointer"], pointer, "{body}");
    }
    let ada = create_user(&client, "ada").await?;
    let null = client
        .patch(&format!("/identity/users/{}", ada.id()), &json!({ "email": null }))
        .await?
        .problem(422, "invalid-request")?;
    assert_eq!(null.body["errors"][0]["pointer"], "/email");
    for (body, status, name) in [
        ("{", 400, "malformed-request"),
        ("", 422, "invalid-request"),
        ("[]", 422, "invalid-request"),
        ("\"x\"", 422, "invalid-request"),
    ] {
        client.call("POST", "/identity/users").body(body).send().await?.problem(status, name)?;
    }
    let large = format!("{{\"userName\": \"{}\"}}", "x".repeat(256 * 1024));
    client
        .call("POST", "/identity/users")
        .body(large)
        .send()
        .await?
        .problem(413, "body-too-large")?;
    platform.settled().await?;
    assert_eq!(client.all("/identity/users").await?.len(), 1, "nothing else was written");
    Ok(())
}

#[tokio::test]
async fn tokens_are_read_strictly() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("tokens").await?;
    let ada = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", ada.id());
    let stream = format!("tokens/identity/users/{}", ada.id());
    let patch = |header: &str, value: &str| {
        client
            .call("PATCH", &path)
            .header(header, value)
            .json(&json!({ "displayName": "X" }))
            .send()
    };
    for header in ["if-match", "consistency-token"] {
        for bad in ["", "v4", "\"a\" \"b\"", &format!("{stream}@4")] {
            patch(header, bad)
                .await?
                .problem(400, "invalid-token")
                .map_err(|error| error.context(format!("{header}: {bad}")))?;
        }
        // A tag of somebody else's is a tag: it matches nothing. But it is no token.
        let (status, name) = if header == "if-match" {
            (412, "precondition-failed")
        } else {
            (400, "invalid-token")
        };
        for foreign in
            ["\"\"", "\"nonsense\"", "\"other/identity/users/1@1\"", "\"acme/identity@7\""]
        {
            patch(header, foreign)
                .await?
                .problem(status, name)
                .map_err(|error| error.context(format!("{header}: {foreign}")))?;
        }
        patch(header, &format!("\"{stream}@99\"")).await?.problem(400, "token-ahead")?;
    }
    patch("if-match", &format!("W/{}", ada.etag())).await?.problem(412, "precondition-failed")?;
    for bad in ["v4", "\"nonsense\"", "W/\"x\""] {
        client
            .call("GET", &path)
            .header("consistency-token", bad)
            .send()
            .await?
            .problem(400, "invalid-token")?;
    }
    client
        .call("GET", &path)
        .header("consistency-token", &format!("\"{stream}@99\""))
        .send()
        .await?
        .problem(400, "token-ahead")?;
    assert_eq!(
        events(&client, &format!("identity/users/{}", ada.id())).await?.len(),
        4,
        "nothing was written"
    );
    patch("if-match", "*").await?.expect(200)?;
    client
        .call("PATCH", "/identity/users/nobody")
        .header("if-match", "*")
        .json(&json!({}))
        .send()
        .await?
        .problem(412, "precondition-failed")?;
    Ok(())
}

/// An `If-Match` of several streams conditions the write on all of them.
#[tokio::test]
async fn a_condition_may_name_several_streams() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("several").await?;
    let (ada, bob) = (create_user(&client, "ada").await?, create_user(&client, "bob").await?);
    let both = format!("\"{}+{}\"", ada.etag().trim_matches('"'), bob.etag().trim_matches('"'));
    let path = format!("/identity/users/{}", ada.id());
    let patch = |name: &str| {
        client
            .call("PATCH", &path)
            .header("if-match", &both)
            .json(&json!({ "displayName": name }))
            .send()
    };
    client
        .patch(&format!("/identity/users/{}", bob.id()), &json!({ "displayName": "B" }))
        .await?
        .expect(200)?;
    patch("A").await?.problem(412, "precondition-failed")?;
    let read =
        client.patch(&format!("/identity/users/{}", bob.id()), &json!({})).await?.expect(200)?;
    let now = format!("\"{}+{}\"", ada.etag().trim_matches('"'), read.etag().trim_matches('"'));
    client
        .call("PATCH", &path)
        .header("if-match", &now)
        .json(&json!({ "displayName": "A" }))
        .send()
        .await?
        .expect(200)?;
    Ok(())
}

#[tokio::test]
async fn every_problem_type_has_a_page() -> Result<()> {
    let platform = shared_platform()?;
    let anyone = Client::new(platform.url(), None);
    for name in ["precondition-failed", "user-name-taken", "outcome-unknown", "stream-parked"] {
        let page = anyone.get(&format!("/problems/{name}")).await?;
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.body.as_str().is_some_and(|html| html.contains(name)), "{}", page.body);
    }
    anyone.call("GET", "/problems/nonsense").send().await?.problem(404, "not-found")?;
    Ok(())
}
