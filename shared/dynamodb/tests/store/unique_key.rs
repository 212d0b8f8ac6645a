//! The key that names unique values: the first one is adopted, any other is refused.

use std::time::Duration;

use futures::future::join_all;
use headwater::{StreamName, UniqueKey};
use headwater_dynamodb::{Done, EventStore, ExecuteError, Execution, StoreError};

use crate::support::dynamo::{Dynamo, committed, execution, person, run};
use crate::support::person::{Name, Note, Person};
use crate::support::proxy::Fault;

/// The key of other tests, and one that differs in a byte.
const KEY: [u8; 32] = [7; 32];
const TYPO: [u8; 32] = [8; 32];

fn fingerprint(secret: &[u8]) -> String {
    UniqueKey::new(secret).unwrap().fingerprint()
}

async fn start() -> Dynamo {
    let dynamo = Dynamo::start().await;
    dynamo.show_starts();
    dynamo
}

async fn create(
    store: &EventStore,
    id: &str,
    name: &'static str,
) -> Result<Done<Person>, ExecuteError> {
    store.execute(Execution { is_new: true, ..execution(&person(id), &Name(name)) }).await
}

#[tokio::test]
async fn the_first_start_adopts_the_key_and_each_further_one_reads_it() {
    let dynamo = start().await;
    assert_eq!(dynamo.store().adopted_fingerprint().await.unwrap(), None);
    dynamo.take_calls();
    dynamo.store().adopt_unique_key().await.unwrap();
    dynamo.assert_calls(&[("GetItem", 0.5), ("PutItem", 1.0)]);
    let second = dynamo.store();
    second.adopt_unique_key().await.unwrap();
    second.adopt_unique_key().await.unwrap();
    dynamo.assert_calls(&[("GetItem", 0.5)]);
    assert_eq!(second.adopted_fingerprint().await.unwrap(), Some(fingerprint(&KEY)));
    let written: StreamName = UniqueKey::STREAM.parse().unwrap();
    assert_eq!(second.head(&written).await.unwrap(), 1);
}

#[tokio::test]
async fn a_typo_in_the_key_frees_no_name() {
    let dynamo = start().await;
    let store = dynamo.store();
    committed(create(&store, "1", "Ada").await);
    let wrong = dynamo.store_with_key(&TYPO);
    let refused = wrong.adopt_unique_key().await;
    assert!(matches!(&refused, Err(StoreError::OtherUniqueKey { own, adopted })
        if *own == fingerprint(&TYPO) && *adopted == fingerprint(&KEY)));
    let items = dynamo.count().await;
    dynamo.take_calls();
    for name in ["Ada", "Grace"] {
        let refused = create(&wrong, "2", name).await;
        assert!(
            matches!(&refused, Err(ExecuteError::Store(StoreError::OtherUniqueKey { .. }))),
            "{refused:?}"
        );
        dynamo.assert_calls(&[("GetItem", 0.5)]);
    }
    let rename = run(&wrong, &person("1"), &Name("Grace")).await;
    assert!(
        matches!(&rename, Err(ExecuteError::Store(StoreError::OtherUniqueKey { .. }))),
        "{rename:?}"
    );
    assert_eq!(dynamo.count().await, items, "nothing is written");
    // What has to do with no unique value goes on.
    committed(run(&wrong, &person("1"), &Note("a".to_owned())).await);
    assert!(
        matches!(create(&store, "2", "ADA").await, Err(ExecuteError::Rejected { .. })),
        "the name is still ada's"
    );
}

#[tokio::test]
async fn a_command_checks_the_key_where_the_start_could_not() {
    let dynamo = start().await;
    dynamo.inject("GetItem", Fault::error("AccessDeniedException"));
    let store = dynamo.store();
    assert!(matches!(store.adopt_unique_key().await, Err(StoreError::Refused(_))));
    dynamo.take_calls();
    committed(create(&store, "1", "Ada").await);
    dynamo.assert_calls(&[("GetItem", 0.5), ("PutItem", 1.0), ("TransactWriteItems", 4.0)]);
    committed(create(&store, "2", "Grace").await);
    dynamo.assert_calls(&[("TransactWriteItems", 4.0)]);
}

#[tokio::test]
async fn a_key_whose_write_got_no_reply_is_adopted() {
    let dynamo = start().await;
    dynamo.inject("PutItem", Fault::FailAfter);
    let store = dynamo.store();
    store.adopt_unique_key().await.unwrap();
    assert_eq!(store.adopted_fingerprint().await.unwrap(), Some(fingerprint(&KEY)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_start_at_once_all_with_the_winning_key_go_on() {
    let dynamo = start().await;
    let starts = (0..32).map(|index| {
        let secret = if index % 2 == 0 { KEY } else { TYPO };
        // More patient than a start is, since a busy machine must not look like a table out of
        // reach.
        let store = dynamo.store_with_key(&secret).patient(Duration::from_secs(30));
        tokio::spawn(async move { (secret, store.adopt_unique_key().await) })
    });
    let outcomes: Vec<_> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    let adopted = dynamo.store().adopted_fingerprint().await.unwrap().unwrap();
    for (secret, outcome) in outcomes {
        match outcome {
            Ok(()) => assert_eq!(fingerprint(&secret), adopted),
            Err(StoreError::OtherUniqueKey { own, .. }) => assert_ne!(own, adopted),
            Err(error) => panic!("{error}"),
        }
    }
    let written: StreamName = UniqueKey::STREAM.parse().unwrap();
    assert_eq!(dynamo.store().head(&written).await.unwrap(), 1);
}
