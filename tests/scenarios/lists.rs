//! Lists, searches and their pages, with tokens and without.

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::{create_group, create_user, own_platform, shared_platform};

fn names(items: &[Value], field: &str) -> Vec<String> {
    items.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn users_are_found_by_name_email_and_prefix_of_any_word() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("search").await?;
    for (user_name, display_name, email) in [
        ("ada", "Ada Lovelace", "countess@example.com"),
        ("zoe", "Zoë Quinn", "zoe@example.org"),
        ("Lovis", "Corinth", "painter@example.net"),
        ("grace", "Grace Hopper", "amazing@navy.example"),
    ] {
        let body = json!({ "userName": user_name, "displayName": display_name, "email": email });
        client.post("/identity/users", &body).await?.expect(201)?;
    }
    platform.settled().await?;
    for (query, expected) in [
        ("", vec!["ada", "grace", "Lovis", "zoe"]),
        ("?q=lov", vec!["ada", "Lovis"]),
        ("?q=love", vec!["ada"]),
        ("?q=LOVELACE", vec!["ada"]),
        ("?q=lovelacex", vec![]),
        ("?q=zoe", vec!["zoe"]),
        ("?q=Zo%C3%8B", vec!["zoe"]),
        ("?q=example", vec!["ada", "grace", "Lovis", "zoe"]),
        ("?q=g", vec!["grace"]),
        ("?q=hop%20gra", vec!["grace"]),
        ("?q=hop%20ada", vec![]),
        ("?q=navy", vec!["grace"]),
        ("?email=COUNTESS@example.com", vec!["ada"]),
        ("?email=nobody@example.com", vec![]),
        ("?userName=lovis", vec!["Lovis"]),
        ("?userName=lov", vec![]),
    ] {
        assert_eq!(
            names(&client.all(&format!("/identity/users{query}")).await?, "userName"),
            expected,
            "{query}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn pages_are_in_order_and_hold_every_row_once() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("pages").await?;
    for i in 0..25 {
        create_user(&client, &format!("user{:02}", (i * 7) % 25)).await?;
        create_group(&client, &format!("Group {:02}", (i * 7) % 25)).await?;
    }
    platform.settled().await?;
    let expected: Vec<String> = (0..25).map(|i| format!("user{i:02}")).collect();
    assert_eq!(names(&client.all("/identity/users?limit=4").await?, "userName"), expected);
    let groups: Vec<String> = (0..25).map(|i| format!("Group {i:02}")).collect();
    assert_eq!(names(&client.all("/identity/groups?limit=10").await?, "name"), groups);

    let page = client.get("/identity/users?limit=4").await?;
    let next = page.body["next"].as_str().unwrap_or_default();
    assert_eq!(
        page.header("link"),
        format!("</identity/users?limit=4&cursor={next}>; rel=\"next\"")
    );
    let tagged = client
        .call("GET", "/identity/users?limit=4")
        .header("if-none-match", page.etag())
        .send()
        .await?;
    assert_eq!((tagged.status, tagged.body), (304, Value::String(String::new())));
    for (query, pointer) in [
        ("limit=0", "/query/limit"),
        ("limit=201", "/query/limit"),
        ("limit=x", "/query/limit"),
        ("page=2", "/query/page"),
    ] {
        let reply = client
            .call("GET", &format!("/identity/users?{query}"))
            .send()
            .await?
            .problem(422, "invalid-request")?;
        assert_eq!(reply.body["errors"][0]["pointer"], pointer);
    }
    client
        .call("GET", "/identity/users?cursor=nonsense")
        .send()
        .await?
        .problem(400, "malformed-request")?;
    Ok(())
}

/// A name can be longer, normalized, than what a list's key holds of it; then the rows tell.
#[tokio::test]
async fn names_that_begin_alike_for_long_are_told_apart() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("long").await?;
    // One character, eighteen when normalized.
    let long = "\u{fdfa}".repeat(60);
    for (i, ending) in ["a", "b"].into_iter().enumerate() {
        let body = json!({
            "userName": format!("{long}{ending}"),
            "displayName": "Long",
            "email": format!("{i}@example.com"),
        });
        client.post("/identity/users", &body).await?.expect(201)?;
    }
    platform.settled().await?;
    let query: String = format!("{long}b").bytes().map(|byte| format!("%{byte:02X}")).collect();
    let found = client.all(&format!("/identity/users?userName={query}")).await?;
    assert_eq!(names(&found, "userName"), [format!("{long}b")]);
    Ok(())
}

/// With the projector stopped, every token'd page must be what a caught-up view would give.
#[tokio::test]
async fn a_list_read_with_tokens_holds_what_the_views_lack() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("overlay").await?;
    for i in 0..10 {
        create_user(&client, &format!("user{}", i * 2)).await?;
    }
    platform.settled().await?;
    platform.event_source("identity-project", false).await?;
    let users = client.all("/identity/users").await?;
    let id = |name: &str| {
        users
            .iter()
            .find(|user| user["userName"] == name)
            .map(|user| user["id"].as_str().unwrap_or_default().to_owned())
    };
    let mut tokens = Vec::new();
    for name in ["user3", "user5", "zz"] {
        tokens.push(create_user(&client, name).await?.token().to_owned());
    }
    let renamed = format!("/identity/users/{}", id("user8").unwrap_or_default());
    tokens.push(
        client
            .patch(&renamed, &json!({ "userName": "aaa" }))
            .await?
            .expect(200)?
            .token()
            .to_owned(),
    );
    let deleted = format!("/identity/users/{}", id("user0").unwrap_or_default());
    tokens.push(client.call("DELETE", &deleted).send().await?.expect(200)?.token().to_owned());

    let mut seen = Vec::new();
    let first = client
        .call("GET", "/identity/users?limit=3")
        .header("consistency-token", &tokens.join(", "))
        .send()
        .await?
        .expect(200)?;
    let mut page = first;
    loop {
        seen.extend(names(page.body["items"].as_array().map_or(&[], Vec::as_slice), "userName"));
        let Some(next) = page.body["next"].as_str() else { break };
        // The cursor alone carries the tokens on.
        page = client.get(&format!("/identity/users?limit=3&cursor={next}")).await?;
    }
    let expected = [
        "aaa", "user10", "user12", "user14", "user16", "user18", "user2", "user3", "user4",
        "user5", "user6", "zz",
    ];
    assert_eq!(seen, expected);
    let search = client
        .call("GET", "/identity/users?q=aaa")
        .header("consistency-token", &tokens.join(", "))
        .send()
        .await?
        .expect(200)?;
    assert_eq!(search.body["items"].as_array().map(Vec::len), Some(1), "searches too");

    platform.event_source("identity-project", true).await?;
    platform.settled().await?;
    assert_eq!(names(&client.all("/identity/users").await?, "userName"), expected);
    Ok(())
}

/// It may lack what the change feed has told of. Whoever wants to go on with the feed asks with a
/// token, be it that of the feed's beginning.
#[tokio::test]
async fn a_list_that_was_read_eventually_promises_no_position_of_the_change_feed() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("promises").await?;
    create_user(&client, "ada").await?;
    let group = create_group(&client, "maths").await?;
    client
        .post(
            "/invoicing/customers",
            &json!({ "id": "k", "name": "Ada", "email": "ada@example.com" }),
        )
        .await?
        .expect(201)?;
    platform.settled().await?;
    for (path, start) in [
        ("/identity/users", "\"promises/identity@0\""),
        ("/identity/users?q=ada", "\"promises/identity@0\""),
        ("/identity/groups", "\"promises/identity@0\""),
        (&format!("/identity/groups/{}/members", group.id()), "\"promises/identity@0\""),
        ("/invoicing/customers", "\"promises/invoicing@0\""),
        ("/invoicing/invoices", "\"promises/invoicing@0\""),
        ("/licensing/customers/c/licenses", "\"promises/licensing@0\""),
    ] {
        assert_eq!(client.get(path).await?.token(), "", "{path}");
        let strong = client
            .call("GET", path)
            .header("consistency-token", start)
            .send()
            .await?
            .expect(200)?;
        assert!(
            strong.token().starts_with(start.split_once('@').map_or("", |(feed, _)| feed)),
            "{path}: {}",
            strong.token()
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_collections_token_makes_later_reads_monotonic() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("monotonic").await?;
    create_user(&client, "ada").await?;
    platform.settled().await?;
    let began = client
        .call("GET", "/identity/users")
        .header("consistency-token", "\"monotonic/identity@0\"")
        .send()
        .await?
        .expect(200)?;
    let token = began.token().to_owned();
    assert_eq!(token, "\"monotonic/identity@1\"");
    client
        .call("GET", "/identity/groups")
        .header("consistency-token", &token)
        .send()
        .await?
        .expect(200)?;

    platform.event_source("identity-project", false).await?;
    create_user(&client, "bob").await?;
    let ahead = client
        .call("GET", "/identity/users")
        .header("consistency-token", "\"monotonic/identity@2\"")
        .header("prefer", "wait=1");
    let reply = ahead.send().await?.problem(503, "not-caught-up")?;
    assert!(!reply.header("retry-after").is_empty());
    platform.event_source("identity-project", true).await?;
    let waited = client
        .call("GET", "/identity/users")
        .header("consistency-token", "\"monotonic/identity@2\"")
        .header("prefer", "wait=10")
        .send()
        .await?
        .expect(200)?;
    assert_eq!(waited.body["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(waited.header("preference-applied"), "wait=10");
    Ok(())
}
