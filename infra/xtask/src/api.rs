//! Sends what `/openapi.json` allows, and what it forbids, to a platform of its own: no answer may
//! be a 5xx, or one that the document does not describe. The calls are made up by Schemathesis, a
//! Python program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::venv::{installed, succeed};
use crate::workspace::target_folder;

const REQUIREMENTS: [&str; 1] = ["schemathesis==4.32.5"];

/// What an answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance";

/// Whom the document's examples are about: with the tenant's name, `acme/identity/users/ada@4`.
const THE_EXAMPLE: &str = r#"{
    "id": "ada",
    "userName": "ada",
    "displayName": "Ada Lovelace",
    "email": "ada@example.com"
}"#;

/// Runs Schemathesis with so many examples a call, for at most so many seconds. Every run takes the
/// same `seed` for the same calls.
///
/// # Errors
/// The findings are in Schemathesis' own output. Installing fails without Python or network.
pub(crate) fn run(root: &Path, examples: u32, seconds: u32, seed: u32) -> Result<()> {
    let bin = installed(root, "api-testers", &REQUIREMENTS)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    succeed(Command::new(cargo).current_dir(root).args([
        "build",
        "--quiet",
        "--package",
        "headwater-programs",
    ]))?;
    let target = target_folder(root)?;
    let platform = Platform::start(root, &target)?;
    let token = platform.token()?;
    platform.post("/identity/users", Some(&token), THE_EXAMPLE)?;
    let mut schemathesis = Command::new(bin.join("schemathesis"));
    schemathesis
        // Where it writes what it remembers.
        .current_dir(&target)
        .arg("run")
        .arg(format!("{}/openapi.json", platform.url));
    schemathesis.args(["--header", &format!("Authorization: Bearer {token}")]);
    schemathesis.args([
        "--checks",
        CHECKS,
        "--phases",
        "examples,coverage,fuzzing",
        "--continue-on-failure",
        "--request-timeout",
        "25",
    ]);
    schemathesis.args([
        "--max-examples",
        &examples.to_string(),
        "--max-time",
        &seconds.to_string(),
        "--seed",
        &seed.to_string(),
    ]);
    succeed(&mut schemathesis)
}

/// A platform without a past, which ends with this.
struct Platform {
    child: Child,
    url: String,
}

impl Platform {
    fn start(root: &Path, target: &Path) -> Result<Self> {
        let mut program = Command::new(target.join("debug/headwater-local"));
        program
            .current_dir(root)
            .args(["--port", "0", "--in-memory"])
            .env_remove("SMTP_URL")
            .stdout(Stdio::piped());
        let mut child = program.spawn().context("the platform does not start")?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ready ").map(|url| url.trim().to_owned()));
        // What it prints further on must be read, or it would block.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, url: url.context("the platform ended before it was ready")? })
    }

    /// A token with all roles.
    fn token(&self) -> Result<String> {
        let body =
            r#"{"tenant": "acme", "subject": "tester", "roles": ["reader", "writer", "operator"]}"#;
        let answer = self.post("/dev/token", None, body)?;
        answer["token"].as_str().map(str::to_owned).context("no token")
    }

    fn post(&self, path: &str, token: Option<&str>, body: &str) -> Result<Value> {
        let mut connection = TcpStream::connect(self.url.trim_start_matches("http://"))?;
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        write!(
            connection,
            "POST {path} HTTP/1.0\r\nHost: localhost\r\n{authorization}Content-Length: \
             {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        let (_, json) = answer.split_once("\r\n\r\n").context("no answer")?;
        Ok(serde_json::from_str(json)?)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about it here.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
