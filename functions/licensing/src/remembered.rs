//! Which grant was given under which Idempotency-Key: remembered outside of the store, which was
//! out of reach. An object holds a signed grant, under a digest of key and request, for the two
//! days that the bucket keeps it.
//!
//! A repeated request then gets the same licence, before the reconciler has written it too. It is a
//! service to the caller and no record: the grant itself is on its queue. So what S3 does not
//! answer in time is as if nothing was remembered.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use headwater_lambda::metric;
use licensing::DOMAIN;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// How long S3 may take.
const BUDGET: Duration = Duration::from_millis(500);

/// Opened when it is needed first, which is seldom.
static CLIENT: OnceCell<Client> = OnceCell::const_new();

/// The signed grant that was given under a key; `None` if none was, or if S3 does not answer.
pub(crate) async fn get(key: &str) -> Option<String> {
    let request = client().await.get_object().bucket(bucket()?).key(key);
    let read = async {
        match request.send().await {
            Ok(object) => object
                .body
                .collect()
                .await
                .map(|body| String::from_utf8(body.to_vec()).ok())
                .map_err(|error| error.to_string()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                Ok(None)
            }
            Err(error) => Err(DisplayErrorContext(error).to_string()),
        }
    };
    timeout(BUDGET, read).await.unwrap_or_else(|elapsed| Err(elapsed.to_string())).unwrap_or_else(
        |error| {
            failed("a grant could not be looked up", &error);
            None
        },
    )
}

/// Remembers the signed grant that is given under a key.
pub(crate) async fn put(key: &str, signed: &str) {
    let Some(bucket) = bucket() else { return };
    let request =
        client().await.put_object().bucket(bucket).key(key).body(signed.as_bytes().to_vec().into());
    let put = async {
        request.send().await.map(|_| ()).map_err(|error| DisplayErrorContext(error).to_string())
    };
    if let Err(error) =
        timeout(BUDGET, put).await.unwrap_or_else(|elapsed| Err(elapsed.to_string()))
    {
        failed("a grant could not be remembered", &error);
    }
}

fn failed(what: &str, error: &str) {
    tracing::warn!(error, "{what}");
    metric(DOMAIN, "GrantsNotRemembered", 1.0);
}

async fn client() -> &'static Client {
    CLIENT
        .get_or_init(|| async {
            Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await)
        })
        .await
}

fn bucket() -> Option<String> {
    std::env::var("GRANTS_BUCKET").ok().filter(|bucket| !bucket.is_empty())
}
