//! Many writers on one stream.

use anyhow::Result;
use serde_json::json;

use crate::support::{at_once, count, create_user, events, own_platform, shared_platform};

#[tokio::test]
async fn of_64_patches_at_once_none_is_lost() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("crowd").await?;
    let user = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", user.id());
    let replies = at_once(64, |i| {
        let (client, path) = (client.clone(), path.clone());
        async move { client.patch(&path, &json!({ "displayName": format!("Ada {i}") })).await }
    })
    .await?;
    assert_eq!(count(&replies, 200), 64, "{:?}", replies.iter().find(|reply| reply.status != 200));
    let mut versions: Vec<u64> = replies.iter().map(headwater_tests::Reply::version).collect();
    versions.sort_unstable();
    let first = user.version() + 1;
    assert_eq!(versions, (first..first + 64).collect::<Vec<_>>(), "gapless, each its own");
    let names = events(&client, &format!("identity/users/{}", user.id())).await?;
    let mut set: Vec<_> = names
        .iter()
        .filter(|event| event["number"].as_u64() >= Some(first))
        .map(|event| event["data"]["displayName"].clone())
        .collect();
    assert_eq!(set.len(), 64);
    set.sort_by_key(std::string::ToString::to_string);
    set.dedup();
    assert_eq!(set.len(), 64, "no update is there twice");
    Ok(())
}

#[tokio::test]
async fn with_if_match_one_wins_a_round_and_the_others_write_nothing() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("rounds").await?;
    let user = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", user.id());
    let mut etag = user.etag().to_owned();
    for round in 0..5 {
        let replies = at_once(16, |i| {
            let (client, path, etag) = (client.clone(), path.clone(), etag.clone());
            async move {
                let body = json!({ "displayName": format!("Ada {round} {i}") });
                client.call("PATCH", &path).header("if-match", &etag).json(&body).send().await
            }
        })
        .await?;
        assert_eq!((count(&replies, 200), count(&replies, 412)), (1, 15));
        etag = replies
            .iter()
            .find(|reply| reply.status == 200)
            .map(|reply| reply.etag().to_owned())
            .unwrap_or_default();
    }
    assert_eq!(
        events(&client, &format!("identity/users/{}", user.id())).await?.len() as u64,
        user.version() + 5
    );
    Ok(())
}

/// Each instance of a function keeps the states it has seen. When two take turns, each of them is
/// stale all the time.
#[tokio::test]
async fn a_warm_function_never_answers_from_a_stale_state() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("turns").await?;
    let user = create_user(&client, "ada").await?;
    let path = format!("/identity/users/{}", user.id());
    let mut version = user.version();
    let mut name = String::new();
    for round in 0..40 {
        // Two at once make two instances; then one alone is taken by either of them.
        let wanted = format!("Ada {}", round / 2 % 3);
        let replies = at_once(2, |_| {
            let (client, path, body) =
                (client.clone(), path.clone(), json!({ "displayName": wanted }));
            async move { client.patch(&path, &body).await }
        })
        .await?;
        assert_eq!(count(&replies, 200), 2);
        let repetition = wanted == name;
        version += u64::from(!repetition);
        for reply in &replies {
            assert_eq!(reply.version(), version, "one of both wrote, the other found it so");
        }
        name = wanted;
        let other = client
            .patch(&path, &json!({ "displayName": format!("Other {round}") }))
            .await?
            .expect(200)?;
        version += 1;
        assert_eq!(other.version(), version);
        let refused = client
            .call("PATCH", &path)
            .header("if-match", other.etag())
            .json(&json!({ "displayName": name }))
            .send()
            .await?;
        version += 1;
        assert_eq!(refused.expect(200)?.version(), version, "no 412 from a stale state");
    }
    assert_eq!(
        events(&client, &format!("identity/users/{}", user.id())).await?.len() as u64,
        version
    );
    Ok(())
}
