use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Client, Platform};

/// What a call has cost.
pub(super) struct Measured {
    /// How often it asked a table.
    pub(super) calls: u64,
    /// What that comes to in read units.
    pub(super) units: f64,
    /// How long the body was.
    pub(super) bytes: usize,
}

/// Makes a call and one for each of the next pages, three in all, and tells what the dearest cost.
pub(super) async fn measure(platform: &Platform, client: &Client, path: &str) -> Result<Measured> {
    let mut most = Measured { calls: 0, units: 0.0, bytes: 0 };
    let mut next = Some(path.to_owned());
    for _ in 0..3 {
        let Some(path) = next else { break };
        platform.reset_meter().await?;
        let reply = client.call("GET", &path).send().await?;
        ensure!(reply.status == 200, "GET {path}: {} {}", reply.status, reply.body);
        let meter = platform.dev("GET", "/dev/meter", None).await?.body;
        let operations = meter
            .as_object()
            .context("no meter")?
            .values()
            .filter_map(Value::as_object)
            .flat_map(|function| function.values());
        let (mut calls, mut units) = (0, 0.0);
        for operation in operations {
            calls += operation["calls"].as_u64().unwrap_or_default();
            units += operation["readUnits"].as_f64().unwrap_or_default();
        }
        let bytes = if let Value::String(text) = &reply.body {
            text.len()
        } else {
            reply.body.to_string().len()
        };
        most = Measured {
            calls: most.calls.max(calls),
            units: most.units.max(units),
            bytes: most.bytes.max(bytes),
        };
        next = reply
            .header("link")
            .strip_prefix('<')
            .and_then(|link| link.split_once('>'))
            .map(|(link, _)| link.to_owned());
        ensure!(
            next.is_some() == reply.body["next"].is_string(),
            "GET {path}: `Link` and `next` disagree"
        );
    }
    Ok(most)
}
