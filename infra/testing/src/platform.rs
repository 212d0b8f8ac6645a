use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_dynamodb::Client as Dynamodb;
use base64::Engine;
use serde_json::{Value, json};

use crate::{Client, Reply};

/// Set in the environment of a started platform: a program that is more than the platform knows by
/// it what it is to be.
pub const RUNS_AS_PLATFORM: &str = "HEADWATER_RUNS_AS_PLATFORM";

/// How long a test waits for something to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A platform of the test's own: another process, on a port and in a folder of its own. It ends
/// with the test.
///
/// ```no_run
/// use headwater_testing::{Platform, example};
///
/// # async fn test() -> anyhow::Result<()> {
/// let mut platform = Platform::start(example("local")?, &[])?;
/// let client = platform.client("acme").await?;
/// client.post("/shop/tills", &serde_json::json!({ "id": "front" })).await?.expect(201)?;
/// platform.kill()?;
/// platform.restart()?;
/// client.at(platform.url()).get("/shop/tills/front").await?;
/// # Ok(())
/// # }
/// ```
pub struct Platform {
    child: Option<Child>,
    url: String,
    folder: PathBuf,
    options: Vec<String>,
    program: PathBuf,
    /// Its folders, which end with it.
    guards: Vec<tempfile::TempDir>,
}

impl Platform {
    /// Starts a platform with an empty folder. `program` is one that calls `headwater_local::run`:
    /// in a test of its package, `env!("CARGO_BIN_EXE_<name>")`. Unless the options name a
    /// `--template`, it is `template.yaml` in the current folder or the nearest one above.
    ///
    /// # Errors
    /// If there is no template, or the platform does not get ready.
    pub fn start(program: impl Into<PathBuf>, options: &[&str]) -> Result<Self> {
        let program = program.into();
        let guard = tempfile::tempdir()?;
        let folder = guard.path().join("data");
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let (child, url) = launch(&program, &folder, &options)?;
        Ok(Self { child: Some(child), url, folder, options, program, guards: vec![guard] })
    }

    /// As [`Platform::start`], with `template.yaml` as `change` makes it anew: with other timeouts,
    /// say.
    ///
    /// # Errors
    /// If there is no template, or it cannot be changed, or the platform does not get ready.
    pub fn start_changed(
        program: impl Into<PathBuf>,
        options: &[&str],
        change: impl FnOnce(&str) -> Result<String>,
    ) -> Result<Self> {
        let guard = tempfile::tempdir()?;
        let template = guard.path().join("template.yaml");
        std::fs::write(&template, change(&std::fs::read_to_string(nearest_template()?)?)?)?;
        let template = template.to_str().context("a path that is no UTF-8")?;
        let mut started = Self::start(program, &[options, &["--template", template]].concat())?;
        started.guards.push(guard);
        Ok(started)
    }

    /// A platform that another process has started, and ends.
    pub fn at(url: &str) -> Self {
        let (folder, options, program) = (PathBuf::new(), Vec::new(), PathBuf::new());
        Self {
            child: None,
            url: url.trim_end_matches('/').to_owned(),
            folder,
            options,
            program,
            guards: Vec::new(),
        }
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it keeps its data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it as a power cut would: `kill -9`, in the middle of whatever it does.
    ///
    /// # Errors
    /// If it had ended already, or another process has started it.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it is not ours, or has ended")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts it again on the same folder.
    ///
    /// # Errors
    /// If it does not get ready.
    pub fn restart(&mut self) -> Result<()> {
        let (child, url) = launch(&self.program, &self.folder, &self.options)?;
        (self.child, self.url) = (Some(child), url);
        Ok(())
    }

    /// Ends it, and starts it again on the same folder with other options than before.
    ///
    /// # Errors
    /// If it had ended already, or does not get ready.
    pub fn restart_with(&mut self, options: &[&str]) -> Result<()> {
        self.kill()?;
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
        self.restart()
    }

    /// A client of this tenant with the roles reader, writer and operator.
    ///
    /// # Errors
    /// If no token is given out.
    pub async fn client(&self, tenant: &str) -> Result<Client> {
        self.client_with(tenant, "tester", &["reader", "writer", "operator"]).await
    }

    /// A client of this tenant with these roles.
    ///
    /// # Errors
    /// If no token is given out.
    pub async fn client_with(&self, tenant: &str, subject: &str, roles: &[&str]) -> Result<Client> {
        let body = json!({ "tenant": tenant, "subject": subject, "roles": roles });
        let reply = self.dev("POST", "/dev/token", Some(body)).await?;
        let token = reply.body["token"].as_str().context("no token")?.to_owned();
        Ok(Client::new(&self.url, Some(token)))
    }

    /// A call of the platform's own, under `/dev`.
    ///
    /// # Errors
    /// If it is not answered with 2xx.
    pub async fn dev(&self, method: &str, path: &str, body: Option<Value>) -> Result<Reply> {
        let call = Client::new(&self.url, None).call(method, path);
        let reply = match body {
            Some(body) => call.json(&body).send().await?,
            None => call.send().await?,
        };
        ensure!(
            (200..300).contains(&reply.status),
            "{method} {path}: {} {}",
            reply.status,
            reply.body
        );
        Ok(reply)
    }

    /// The calls and units of one function since the last reset:
    /// `{"PutItem": {"calls", "readUnits", "writeUnits"}}`.
    ///
    /// # Errors
    /// If the platform does not answer.
    pub async fn meter(&self, function: &str) -> Result<Value> {
        Ok(self.dev("GET", "/dev/meter", None).await?.body[function].clone())
    }

    /// Forgets what was metered so far.
    ///
    /// # Errors
    /// If the platform does not answer.
    pub async fn reset_meter(&self) -> Result<()> {
        self.dev("POST", "/dev/meter/reset", None).await.map(|_| ())
    }

    /// Stops or starts the event source of a function.
    ///
    /// # Errors
    /// If there is no such function.
    pub async fn event_source(&self, function: &str, enabled: bool) -> Result<()> {
        self.dev(
            "POST",
            "/dev/event-sources",
            Some(json!({ "function": function, "enabled": enabled })),
        )
        .await
        .map(|_| ())
    }

    /// Has the schedule of a function come round now, and waits for the function's answer.
    ///
    /// # Errors
    /// If it has no schedule, or fails.
    pub async fn schedule(&self, function: &str) -> Result<()> {
        let body = json!({ "function": function });
        self.dev("POST", "/dev/schedules", Some(body)).await.map(|_| ())
    }

    /// Injects a fault; see `POST /dev/faults`.
    ///
    /// # Errors
    /// If the platform does not know it.
    pub async fn fault(&self, fault: Value) -> Result<()> {
        self.dev("POST", "/dev/faults", Some(fault)).await.map(|_| ())
    }

    /// Every fault that there is, by service and name, with how many calls it has struck since the
    /// start.
    ///
    /// # Errors
    /// If the platform does not answer.
    pub async fn faults(&self) -> Result<BTreeMap<String, BTreeMap<String, u64>>> {
        Ok(serde_json::from_value(self.dev("GET", "/dev/faults", None).await?.body)?)
    }

    /// Ends the processes of a function as a power cut would, and tells how many it had.
    ///
    /// # Errors
    /// If there is no such function.
    pub async fn kill_function(&self, function: &str) -> Result<u64> {
        let reply = self.dev("POST", "/dev/kill", Some(json!({ "function": function }))).await?;
        reply.body["killed"].as_u64().context("no number")
    }

    /// DynamoDB as one who may do everything, past the roles and the faults.
    ///
    /// # Errors
    /// If the platform does not say where it is.
    pub async fn dynamodb(&self) -> Result<Dynamodb> {
        self.dynamodb_as("headwater").await
    }

    /// DynamoDB as a function sees it.
    ///
    /// # Errors
    /// If the platform does not say where it is.
    pub async fn dynamodb_as(&self, function: &str) -> Result<Dynamodb> {
        let endpoint = self.dev("GET", "/dev/endpoint", None).await?.body["endpoint"]
            .as_str()
            .context("no endpoint")?
            .to_owned();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::new(
                function, "local", None, None, "tests",
            ))
            .endpoint_url(endpoint);
        Ok(Dynamodb::from_conf(config.build()))
    }

    /// The name of the table with this logical id in the template.
    ///
    /// # Errors
    /// If there is none.
    pub async fn table(&self, logical_id: &str) -> Result<String> {
        let tables = self.dynamodb().await?.list_tables().send().await?;
        tables
            .table_names()
            .iter()
            .find(|name| name.contains(logical_id))
            .cloned()
            .with_context(|| format!("no {logical_id}"))
    }

    /// Puts an item into the table with this logical id, past everything that would write it.
    ///
    /// # Errors
    /// If there is no such table, or it does not take the item.
    pub async fn put_item(&self, logical_id: &str, item: &Value) -> Result<()> {
        let put = self.dynamodb().await?.put_item().table_name(self.table(logical_id).await?);
        put.set_item(Some(serde_dynamo::to_item(item)?)).send().await?;
        Ok(())
    }

    /// Puts a record on a Kinesis stream, as the system at its other end would.
    ///
    /// # Errors
    /// If Kinesis does not take it.
    pub async fn put_record(&self, logical_id: &str, key: &str, data: &str) -> Result<()> {
        let names = self.kinesis("ListStreams", &json!({})).await?;
        let name = names["StreamNames"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|name| name.to_string().contains(logical_id));
        let name = name.with_context(|| format!("no {logical_id}: {names}"))?;
        let data = base64::engine::general_purpose::STANDARD.encode(data);
        let put = json!({ "StreamName": name, "PartitionKey": key, "Data": data });
        let put = self.kinesis("PutRecord", &put).await?;
        ensure!(put["SequenceNumber"].is_string(), "{put}");
        Ok(())
    }

    /// One call of Kinesis' JSON API, as one who may do everything.
    async fn kinesis(&self, operation: &str, body: &Value) -> Result<Value> {
        let endpoint = self.dev("GET", "/dev/endpoint", None).await?.body["endpoint"]
            .as_str()
            .context("no endpoint")?
            .to_owned();
        let authorization = "AWS4-HMAC-SHA256 \
                             Credential=headwater/20260101/us-east-1/kinesis/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let request = reqwest::Client::new().post(endpoint).header("authorization", authorization);
        let request = request
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .header("x-amz-date", "20260101T000000Z");
        let request =
            request.header("content-type", "application/x-amz-json-1.1").body(body.to_string());
        Ok(serde_json::from_str(&request.send().await?.text().await?)?)
    }

    /// The sum of a metric that a function has written to its log.
    ///
    /// # Errors
    /// If the function has no log.
    pub fn metric(&self, function: &str, name: &str) -> Result<f64> {
        let log = std::fs::read_to_string(self.folder.join(format!("logs/{function}.log")))?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(lines.filter_map(|line| line[name].as_f64()).sum())
    }

    /// Waits until everything written so far is in the views.
    ///
    /// # Errors
    /// If that takes more than a minute.
    pub async fn settled(&self) -> Result<()> {
        self.settled_within(PATIENCE).await
    }

    /// As [`Platform::settled`], with another patience.
    ///
    /// # Errors
    /// If it takes longer.
    pub async fn settled_within(&self, patience: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let lag = self.dev("GET", "/dev/lag", None).await?.body;
            let behind = lag
                .as_object()
                .is_none_or(|functions| functions.values().any(|lag| lag["records"] != 0));
            if !behind {
                return Ok(());
            }
            ensure!(start.elapsed() < patience, "not caught up: {lag}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

/// The program of an example of the package that is tested: `examples/<name>.rs`. Cargo builds it
/// with the tests.
///
/// ```no_run
/// use headwater_testing::{Platform, example};
///
/// # fn test() -> anyhow::Result<()> {
/// // `examples/local.rs` of the package under test.
/// let platform = Platform::start(example("local")?, &["--in-memory"])?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If it was not built: `cargo test --test …` builds no examples, `cargo test` does.
pub fn example(name: &str) -> Result<PathBuf> {
    // A test's executable is in `target/debug/deps`, an example's in `target/debug/examples`.
    let test = std::env::current_exe()?;
    let built = test.parent().and_then(Path::parent).context("no folder above the test")?;
    let program = built.join("examples").join(name);
    ensure!(
        program.is_file(),
        "{} is missing: run `cargo test` or `cargo build --example {name}`",
        program.display()
    );
    Ok(program)
}

impl Drop for Platform {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about it here.
        if let Some(mut child) = self.child.take()
            && child.kill().is_ok()
        {
            child.wait().ok();
        }
    }
}

/// `template.yaml` in the current folder or the nearest one above.
fn nearest_template() -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    let mut templates = here.ancestors().map(|folder| folder.join("template.yaml"));
    templates.find(|path| path.is_file()).context("there is no template.yaml")
}

/// Starts the program and reads its output up to the line `ready URL`.
fn launch(program: &Path, folder: &Path, options: &[String]) -> Result<(Child, String)> {
    let mut command = Command::new(program);
    command.args(["--port", "0", "--data-dir"]).arg(folder).args(options);
    if !options.iter().any(|option| option == "--template") {
        command.arg("--template").arg(nearest_template()?);
    }
    let mut child = command
        .env(RUNS_AS_PLATFORM, "1")
        // A test mails nobody.
        .env_remove("SMTP_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let output = child.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    for line in lines.by_ref() {
        if let Some(url) = line?.strip_prefix("ready ") {
            let url = url.trim().to_owned();
            // What it prints further on must be read, or it would block.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok((child, url));
        }
    }
    child.wait()?;
    bail!("the platform ended before it was ready")
}
