//! Commits from elsewhere are written as they are, and never over another.

use axum::http::StatusCode;
use headwater::Commit;
use headwater_dynamodb::{At, Imported};
use serde_json::json;

use crate::support::dynamo::{Dynamo, commit, person, run, snapshot};
use crate::support::person::{Note, Person, PersonEvent};
use crate::support::proxy::Fault;

fn noted(text: &str) -> [PersonEvent; 1] {
    [PersonEvent::Noted { text: text.to_owned() }]
}

#[tokio::test]
async fn a_commit_is_written_where_none_is_and_never_over_another() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let first = commit(&ada, 1, &noted("first"));
    assert_eq!(store.import(first.clone()).await.unwrap(), Imported::Written);
    dynamo.assert_calls(&[("PutItem", 1.0)]);
    assert_eq!(store.commits_after(&ada, 0).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.import(first.clone()).await.unwrap(), Imported::Present);
    // The same id does not make it the same commit.
    let other = Commit { metadata: first.metadata.clone(), ..commit(&ada, 1, &noted("another")) };
    assert_eq!(store.import(other).await.unwrap(), Imported::Conflict);
    assert_eq!(store.commits_after(&ada, 0).await.unwrap(), [first]);
    run(&store, &ada, &Note("second".to_owned())).await.unwrap();
    assert_eq!(store.load_at::<Person>(&ada, At::Version(u64::MAX)).await.unwrap().state.notes, 2);
}

/// Whoever restores may have another build, and a table of its own needs no snapshots: the next
/// commits bring them.
#[tokio::test]
async fn snapshots_neither_come_along_nor_matter() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    let plain = commit(&ada, 1, &noted("first"));
    let carrier = Commit { snapshot: Some(snapshot(&Person::default())), ..plain.clone() };
    dynamo.import(vec![carrier.clone()]);
    assert_eq!(store.import(plain).await.unwrap(), Imported::Present);
    let elsewhere = Commit { stream: person("bob"), ..carrier };
    assert_eq!(store.import(elsewhere.clone()).await.unwrap(), Imported::Written);
    assert!(!dynamo.item(&elsewhere.stream, 1).await.unwrap().contains_key("s"));
}

#[tokio::test]
async fn what_may_have_been_written_settles() {
    let dynamo = Dynamo::start().await;
    let (store, ada) = (dynamo.store(), person("ada"));
    for (fault, first) in [
        Fault::lose_reply(),
        Fault::FailAfter,
        Fault::Refuse(StatusCode::INTERNAL_SERVER_ERROR, json!({})),
    ]
    .into_iter()
    .zip(1..)
    {
        dynamo.inject("PutItem", fault);
        assert_ne!(
            store.import(commit(&ada, first, &noted("x"))).await.unwrap(),
            Imported::Conflict
        );
        assert_eq!(store.head(&ada).await.unwrap(), first);
    }
}
