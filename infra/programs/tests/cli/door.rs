//! One address for all that the platform has, as its own front door: DynamoDB, a Kinesis that only
//! takes records, and an S3 of one bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use headwater_kinesis::Record;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What came by.
#[derive(Clone, Default)]
pub(crate) struct Door {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    dynamodb: String,
    http: reqwest::Client,
    /// The records that were put, with the stream's name.
    records: Mutex<Vec<(String, Record)>>,
    /// How many calls of DynamoDB are still to be throttled, of those whose bodies hold this text.
    throttled: Mutex<(u32, String)>,
    /// How long an answer of DynamoDB takes.
    delay: Mutex<Duration>,
    /// The objects of the bucket.
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl Door {
    /// Opens before a DynamoDB, and tells where.
    pub(crate) async fn open(dynamodb: String) -> (Self, String) {
        let shared = Shared {
            dynamodb,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            ..Shared::default()
        };
        let door = Self { shared: Arc::new(shared) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(door.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (door, url)
    }

    /// Lets DynamoDB refuse the next calls for want of capacity.
    pub(crate) fn throttle(&self, calls: u32) {
        self.throttle_table("", calls);
    }

    /// Lets DynamoDB refuse the next calls of a table for want of capacity.
    pub(crate) fn throttle_table(&self, table: &str, calls: u32) {
        *self.shared.throttled.lock().unwrap() = (calls, table.to_owned());
    }

    /// Lets DynamoDB take so long for every answer.
    pub(crate) fn slow_down(&self, delay: Duration) {
        *self.shared.delay.lock().unwrap() = delay;
    }

    /// Puts an object into the bucket.
    pub(crate) fn put_object(&self, key: &str, body: &Value) {
        self.shared.objects.lock().unwrap().insert(key.to_owned(), body.to_string().into());
    }

    /// The keys of the objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.shared.objects.lock().unwrap().keys().cloned().collect()
    }

    /// The records that were put since this was last asked, with the stream's name.
    pub(crate) fn take_records(&self) -> Vec<(String, Record)> {
        std::mem::take(&mut self.shared.records.lock().unwrap())
    }
}

async fn answer(
    State(door): State<Door>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match headers.get("x-amz-target").map(|target| target.to_str().unwrap()) {
        Some("Kinesis_20131202.PutRecords") => {
            door.put_records(&serde_json::from_slice(&body).unwrap())
        }
        Some(_) => door.forward(headers, body).await,
        None => door.bucket(&method, &uri),
    }
}

impl Door {
    fn put_records(&self, input: &Value) -> Response {
        let stream = input["StreamName"].as_str().unwrap();
        let records = input["Records"].as_array().unwrap();
        let taken = records.iter().map(|record| {
            let data = BASE64.decode(record["Data"].as_str().unwrap()).unwrap();
            (
                stream.to_owned(),
                Record { key: record["PartitionKey"].as_str().unwrap().to_owned(), data },
            )
        });
        self.shared.records.lock().unwrap().extend(taken);
        let results: Vec<Value> =
            records.iter().map(|_| json!({ "SequenceNumber": "1", "ShardId": "s" })).collect();
        axum::Json(json!({ "FailedRecordCount": 0, "Records": results })).into_response()
    }

    fn is_throttled(&self, body: &[u8]) -> bool {
        let (left, table) = &mut *self.shared.throttled.lock().unwrap();
        let is_meant = *left > 0 && String::from_utf8_lossy(body).contains(table.as_str());
        *left -= u32::from(is_meant);
        is_meant
    }

    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> Response {
        if self.is_throttled(&body) {
            let refusal =
                json!({ "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException" });
            return (StatusCode::BAD_REQUEST, axum::Json(refusal)).into_response();
        }
        let delay = *self.shared.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        headers.remove("host");
        let answer = self
            .shared
            .http
            .post(&self.shared.dynamodb)
            .headers(headers)
            .body(body)
            .send()
            .await
            .unwrap();
        (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap()).into_response()
    }

    /// ListObjectsV2 of `/failures/`, GetObject and DeleteObject of `/failures/<key>`.
    fn bucket(&self, method: &Method, uri: &Uri) -> Response {
        let mut objects = self.shared.objects.lock().unwrap();
        let key = uri.path().strip_prefix("/failures/").unwrap();
        if key.is_empty() {
            let query: BTreeMap<String, String> =
                Query::try_from_uri(uri).map(|Query(query)| query).unwrap();
            let (after, limit) = (
                query.get("start-after").cloned().unwrap_or_default(),
                query["max-keys"].parse().unwrap(),
            );
            let keys = objects.keys().filter(|key| **key > after).take(limit);
            let contents: String =
                keys.map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
            return format!("<ListBucketResult>{contents}</ListBucketResult>").into_response();
        }
        if *method == Method::DELETE {
            objects.remove(key);
            return StatusCode::NO_CONTENT.into_response();
        }
        match objects.get(key) {
            Some(body) => body.clone().into_response(),
            None => {
                (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response()
            }
        }
    }
}
