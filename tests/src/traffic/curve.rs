//! What commands cost, by the length of the customer's history: calls and units of DynamoDB as the
//! platform meters them.

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use serde_json::json;

use super::catalogue::studio_of;
use crate::{Client, Platform};

/// How many commands of a kind are sent in a row, and their costs averaged: several times the
/// distance of two snapshots.
const ROW: u64 = 20;
/// How many times a function is killed before a command.
const COLD: u64 = 5;
/// Titles taken in turn, so that none comes to its yearly limit.
const TITLES: u64 = 200;

/// The commands that are measured: the function, and what stands behind the licence in its path.
const KINDS: [(&str, &str); 4] = [
    ("licensing-acquire-license", ""),
    ("licensing-report-downloaded", "/downloaded"),
    ("licensing-renew-license", "/renew"),
    ("licensing-release-license", "/release"),
];

/// What a command costs on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Calls of DynamoDB.
    pub calls: f64,
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

/// What one kind of command costs at one length of the history.
#[derive(Clone, Debug)]
pub struct Point {
    /// How many events the customer had.
    pub events: u64,
    /// The function.
    pub function: &'static str,
    /// In a process that carried out the customer's command before: the same kind again and again.
    pub warm: Cost,
    /// In a process that was just started, its start and the policy included.
    pub cold: Cost,
    /// In a warm process, where other functions carry out commands of the customer in between.
    pub mixed: Cost,
}

/// One customer who keeps one title a day: acquires, downloads, renews and releases it.
pub struct Curve<'a> {
    platform: &'a Platform,
    client: Client,
    days: u64,
    version: u64,
}

impl<'a> Curve<'a> {
    /// A customer without a history.
    ///
    /// # Errors
    /// If the platform does not answer.
    pub async fn new(platform: &'a Platform) -> Result<Self> {
        Ok(Self { platform, client: platform.client("curve").await?, days: 0, version: 0 })
    }

    /// Grows the history to this length, and measures there.
    ///
    /// # Errors
    /// If a command is refused.
    pub async fn measure(&mut self, events: u64, progress: &ProgressBar) -> Result<Vec<Point>> {
        progress.set_length(events);
        progress.set_message(format!("{events} events"));
        while self.version + 4 <= events {
            self.day().await?;
            progress.set_position(self.version);
        }
        self.platform.settled().await?;
        let at = self.version;
        let mixed = self.mixed().await?;
        let warm = self.warm().await?;
        let cold = self.cold().await?;
        let points = KINDS.iter().enumerate();
        Ok(points
            .map(|(i, (function, _))| Point {
                events: at,
                function,
                warm: warm[i],
                cold: cold[i],
                mixed: mixed[i],
            })
            .collect())
    }

    async fn day(&mut self) -> Result<()> {
        self.platform
            .dev("POST", "/dev/clock", Some(json!({ "advanceSeconds": 24 * 3600 })))
            .await?;
        self.days += 1;
        let license = self.send(0, "", 201).await?;
        for kind in 1..KINDS.len() {
            self.send(kind, &license, 200).await?;
        }
        Ok(())
    }

    /// The functions take turns.
    async fn mixed(&mut self) -> Result<[Cost; 4]> {
        self.day().await?;
        self.platform.reset_meter().await?;
        for _ in 0..ROW {
            self.day().await?;
        }
        self.spent(ROW).await
    }

    /// Each function has a row of commands of its own; the first, which learns what the others did,
    /// is not counted.
    async fn warm(&mut self) -> Result<[Cost; 4]> {
        let mut licenses = vec![String::new(); ROW as usize + 1];
        let mut costs = [Cost::default(); 4];
        for (kind, cost) in costs.iter_mut().enumerate() {
            for (i, license) in licenses.iter_mut().enumerate() {
                if i == 1 {
                    self.platform.reset_meter().await?;
                }
                self.days += u64::from(kind == 0);
                let done = self.send(kind, license, if kind == 0 { 201 } else { 200 }).await?;
                *license = if kind == 0 { done } else { license.clone() };
            }
            *cost = self.spent(ROW).await?[kind];
        }
        Ok(costs)
    }

    /// Each command meets a process that was just started.
    async fn cold(&mut self) -> Result<[Cost; 4]> {
        self.platform.reset_meter().await?;
        for _ in 0..COLD {
            self.days += 1;
            let mut license = String::new();
            for (kind, (function, _)) in KINDS.iter().enumerate() {
                self.platform.kill_function(function).await?;
                let done = self.send(kind, &license, if kind == 0 { 201 } else { 200 }).await?;
                license = if kind == 0 { done } else { license };
            }
        }
        self.spent(COLD).await
    }

    /// Sends a command, and answers with the id of the licence.
    async fn send(&mut self, kind: usize, license: &str, status: u16) -> Result<String> {
        let licenses = "/licensing/customers/curve/licenses";
        let reply = if kind == 0 {
            let title = format!("title-{}", self.days % TITLES);
            let body =
                json!({ "studioId": studio_of(&title), "titleId": title, "deviceId": "tablet" });
            self.client.post(licenses, &body).await?
        } else {
            self.client
                .call("POST", &format!("{licenses}/{license}{}", KINDS[kind].1))
                .send()
                .await?
        };
        let reply = reply.expect(status)?;
        ensure!(reply.version() == self.version + 1, "one event: {}", reply.body);
        self.version = reply.version();
        Ok(reply.id().to_owned())
    }

    /// The average of what each function has spent since the last reset.
    async fn spent(&self, commands: u64) -> Result<[Cost; 4]> {
        let mut costs = [Cost::default(); 4];
        for (cost, (function, _)) in costs.iter_mut().zip(KINDS) {
            let metered = self.platform.meter(function).await?;
            let sum = |field: &str| {
                metered
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, spent)| spent[field].as_f64())
                    .sum::<f64>()
            };
            let average = |field: &str| sum(field) / commands as f64;
            *cost = Cost {
                calls: average("calls"),
                read: average("readUnits"),
                write: average("writeUnits"),
            };
        }
        Ok(costs)
    }
}

/// The points as a Markdown table.
pub fn table(points: &[Point]) -> String {
    let mut lines = vec![
        "| events | command | warm: calls, read, write | others in between | cold |".to_owned(),
        "|---:|---|---|---|---|".to_owned(),
    ];
    let cell = |cost: Cost| format!("{:.2}, {:.1}, {:.2}", cost.calls, cost.read, cost.write);
    lines.extend(points.iter().map(|point| {
        let Point { events, function, warm, cold, mixed } = point;
        format!(
            "| {events} | {} | {} | {} | {} |",
            function.trim_start_matches("licensing-"),
            cell(*warm),
            cell(*mixed),
            cell(*cold)
        )
    }));
    lines.join("\n")
}
