//! DynamoDB as far as reading goes: it takes every item, and meets every condition of a write.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use headwater_dynamodb::{EventStore, StoreConfig, connect};
use serde_json::{Map, Value, json};

/// The items of all tables, as DynamoDB's JSON. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    items: Arc<Mutex<Vec<Map<String, Value>>>>,
}

impl Tables {
    /// Tables that hold these items, as far as DynamoDB knows the types of their attributes.
    pub fn of(mut items: Vec<Map<String, Value>>) -> Self {
        items.retain(|item| {
            serde_json::from_value::<serde_dynamo::Item>(Value::Object(item.clone())).is_ok()
        });
        Self { items: Arc::new(Mutex::new(items)) }
    }

    /// All items.
    pub fn items(&self) -> Vec<Map<String, Value>> {
        self.items.lock().expect("nobody panicked").clone()
    }

    /// The store of these tables.
    pub fn store(&self) -> EventStore {
        let connector = SharedHttpConnector::new(self.clone());
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .endpoint_url("http://fuzzed")
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "key", "secret", None, None, "fuzz",
            )))
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        EventStore::new(
            connect(&config),
            StoreConfig {
                events_table: "events".to_owned(),
                idempotency_table: None,
                unique_key: None,
            },
        )
    }

    fn answer(&self, operation: &str, request: &Value) -> Value {
        let get = |key: &Value| self.items().into_iter().find(|item| has_key(item, key));
        match operation {
            "GetItem" => json!({ "Item": get(&request["Key"]) }),
            "TransactGetItems" => {
                let gets = request["TransactItems"].as_array().into_iter().flatten();
                let found = gets.map(|wanted| json!({ "Item": get(&wanted["Get"]["Key"]) }));
                json!({ "Responses": found.collect::<Vec<_>>() })
            }
            "BatchGetItem" => {
                let tables = request["RequestItems"].as_object().into_iter().flatten();
                let found = tables.map(|(table, wanted)| {
                    let keys = wanted["Keys"].as_array().into_iter().flatten();
                    (table.clone(), keys.filter_map(get).map(Value::Object).collect())
                });
                json!({ "Responses": found.collect::<Map<_, _>>() })
            }
            "Query" => json!({ "Items": self.query(request) }),
            "Scan" => json!({ "Items": self.items() }),
            "PutItem" => self.put(&request["Item"]),
            "TransactWriteItems" => {
                let writes = request["TransactItems"].as_array().into_iter().flatten();
                writes.for_each(|write| drop(self.put(&write["Put"]["Item"])));
                json!({})
            }
            _ => json!({}),
        }
    }

    fn put(&self, item: &Value) -> Value {
        let Some(item) = item.as_object() else { return json!({}) };
        let mut items = self.items.lock().expect("nobody panicked");
        items.retain(|other| key(other) != key(item));
        items.push(item.clone());
        json!({})
    }

    /// One page is all.
    fn query(&self, request: &Value) -> Vec<Map<String, Value>> {
        let value = |name: &str| &request["ExpressionAttributeValues"][name];
        let start = request["ExclusiveStartKey"].as_object().map(sort_key);
        let is_forward = request["ScanIndexForward"] != false;
        let is_wanted = |item: &Map<String, Value>| {
            let (partition, sort) = (item.get("pk").or(item.get("stream")), sort_key(item));
            let is_beyond = start.as_ref().is_none_or(|start| {
                order(&sort, start) == if is_forward { Ordering::Greater } else { Ordering::Less }
            });
            let begins = value(":prefix")["S"].as_str().is_none_or(|prefix| {
                sort["S"].as_str().is_some_and(|sort| sort.starts_with(prefix))
            });
            let is_after =
                value(":version").is_null() || order(&sort, value(":version")) == Ordering::Greater;
            let is_between = value(":first").is_null()
                || order(&sort, value(":first")).is_ge() && order(&sort, value(":last")).is_le();
            [":pk", ":stream"].iter().any(|name| partition == Some(value(name)))
                && is_beyond
                && begins
                && is_after
                && is_between
        };
        let mut found: Vec<_> = self.items().into_iter().filter(is_wanted).collect();
        found.sort_by(|a, b| order(&sort_key(a), &sort_key(b)));
        if !is_forward {
            found.reverse();
        }
        found.truncate(request["Limit"].as_u64().map_or(usize::MAX, |limit| limit as usize));
        found
    }
}

fn key(item: &Map<String, Value>) -> (Value, Value) {
    (item.get("pk").or(item.get("stream")).cloned().unwrap_or_default(), sort_key(item))
}

fn sort_key(item: &Map<String, Value>) -> Value {
    item.get("sk").or(item.get("seq")).cloned().unwrap_or_default()
}

fn has_key(item: &Map<String, Value>, key: &Value) -> bool {
    key.as_object().is_some_and(|key| key.iter().all(|(name, value)| item.get(name) == Some(value)))
}

fn order(a: &Value, b: &Value) -> Ordering {
    let number = |value: &Value| value["N"].as_str().and_then(|text| text.parse::<f64>().ok());
    number(a)
        .partial_cmp(&number(b))
        .unwrap_or(Ordering::Equal)
        .then_with(|| a["S"].as_str().cmp(&b["S"].as_str()))
}

impl HttpConnector for Tables {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.rsplit('.').next())
            .unwrap_or_default();
        let body = request
            .body()
            .bytes()
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .unwrap_or_default();
        let mut response = HttpResponse::new(
            200.try_into().expect("a status"),
            SdkBody::from(self.answer(operation, &body).to_string()),
        );
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}
