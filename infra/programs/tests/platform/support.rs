//! Starts the platform in this process, with function processes that are this very test executable.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use headwater_local::config::Config;
use headwater_local::platform::{Executable, Platform};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::functions;

/// A platform that runs the small system.
pub(crate) struct System {
    platform: Platform,
    pub(crate) data_dir: PathBuf,
    client: Client,
    _folder: Option<TempDir>,
}

impl System {
    /// Starts it in a folder of its own.
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut system = Self::start_in(folder.path().to_owned()).await;
        system._folder = Some(folder);
        system
    }

    /// Starts it in a folder of its own, with more options.
    pub(crate) async fn start_with(options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let platform =
            Platform::start(&config_with(folder.path(), options), executable()).await.unwrap();
        Self { data_dir: folder.path().to_owned(), _folder: Some(folder), ..Self::around(platform) }
    }

    /// Starts it on a data directory that may have been used before.
    pub(crate) async fn start_in(data_dir: PathBuf) -> Self {
        let platform = Platform::start(&config(&data_dir), executable()).await.unwrap();
        Self { data_dir, ..Self::around(platform) }
    }

    /// Around a platform that runs.
    pub(crate) fn around(platform: Platform) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { platform, data_dir: PathBuf::new(), client, _folder: None }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.platform.url
    }

    /// Puts a number.
    pub(crate) async fn put(&self, id: &str) {
        let answer = self.request(Method::PUT, &format!("/numbers/{id}")).send().await.unwrap();
        assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap());
    }

    /// A request to the gateway or a development call.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.platform.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// A development call with a body; the answer is JSON.
    pub(crate) async fn dev(&self, call: &str, body: Value) -> Value {
        let request = self.request(Method::POST, &format!("/dev/{call}")).body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "/dev/{call} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn token(&self) -> String {
        let wanted = json!({"tenant": "acme", "subject": "ann", "roles": ["reader", "writer"]});
        self.dev("token", wanted).await["token"].as_str().unwrap().to_owned()
    }

    /// Waits until no function is behind.
    pub(crate) async fn caught_up(&self) {
        self.wait_for("everything to be caught up", async || {
            let lag: Value = self.get("/dev/lag").await.json().await.unwrap();
            let behind = |lag: &Value| lag["records"] != 0;
            (!lag.as_object().unwrap().values().any(behind)).then_some(())
        })
        .await;
    }

    /// Polls until there is something; at most 30 seconds.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The ids in a table, in order.
    pub(crate) async fn ids(&self, table: &str) -> Vec<String> {
        let answer =
            self.call("dynamodb", "DynamoDB_20120810.Scan", json!({"TableName": table})).await;
        let items = answer["Items"].as_array().unwrap();
        let mut ids: Vec<_> =
            items.iter().map(|item| item["id"]["S"].as_str().unwrap().to_owned()).collect();
        ids.sort_by_key(|id| id.parse::<u32>().ok());
        ids
    }

    /// A call to a service as one who may do everything.
    pub(crate) async fn call(&self, service: &str, target: &str, input: Value) -> Value {
        let endpoint: Value = self.get("/dev/endpoint").await.json().await.unwrap();
        let key = endpoint["accessKeyId"].as_str().unwrap();
        let credential = format!("{key}/20260101/us-east-1/{service}/aws4_request");
        let response = self
            .client
            .post(endpoint["endpoint"].as_str().unwrap())
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20260101T000000Z")
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
                ),
            )
            .body(input.to_string())
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success(), "{target}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }
}

/// The platform's options for a data directory.
pub(crate) fn config(data_dir: &Path) -> Config {
    config_with(data_dir, &[])
}

fn config_with(data_dir: &Path, options: &[&str]) -> Config {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/platform/template.yaml");
    let data_dir = data_dir.to_str().unwrap();
    Config::parse_from(
        ["local", "--port", "0", "--data-dir", data_dir, "--template", template]
            .iter()
            .chain(options),
    )
}

/// This executable, told to run nothing but the "test" that is a function's process.
pub(crate) fn executable() -> Executable {
    let arguments = ["--exact", "function_process", "--ignored", "--nocapture"];
    Executable {
        path: std::env::current_exe().unwrap(),
        arguments: arguments.map(str::to_owned).into(),
    }
}

/// Runs the function that `_HANDLER` names, if any.
pub(crate) fn run_function() {
    let Ok(name) = std::env::var("_HANDLER") else { return };
    headwater_local::host::exit_with_parent();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(functions::run(&name)).unwrap();
}
