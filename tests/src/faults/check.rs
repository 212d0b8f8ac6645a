//! Whether the streams hold what clients were told, and nothing else: all commits, as the CLI dumps
//! them, beside the clients' ledgers.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::TENANT;
use super::ledger::{Entry, Expected};
use crate::Platform;
use crate::operator::headwater;

/// What is not as it should be.
#[derive(Default)]
pub(super) struct Findings {
    /// Acknowledged, and not there.
    pub(super) lost: Vec<String>,
    /// There more than once.
    pub(super) twice: Vec<String>,
    /// Not as it was answered: done where nothing was to be done, or at another version.
    pub(super) untrue: Vec<String>,
}

/// A line of a dump.
#[derive(Deserialize)]
struct Commit {
    stream: String,
    metadata: Metadata,
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    correlation_id: String,
}

#[derive(Deserialize)]
struct Event {
    number: u64,
    #[serde(rename = "type")]
    name: String,
    data: Value,
}

/// What the streams tell.
#[derive(Default)]
struct History {
    /// The versions after the commits of a request in a stream.
    commits: HashMap<(String, String), Vec<u64>>,
    /// How often each licence was acquired or granted.
    licenses: HashMap<String, usize>,
    /// The revisions of each external user that were taken over.
    revisions: HashMap<String, Vec<u64>>,
    /// The mails that events ask for, by the names of their files.
    mails: Vec<String>,
    /// The streams whose subject is forgotten, as some event says.
    forgotten: Vec<String>,
}

/// The types of the events that forget.
const FORGETTING: [&str; 3] = ["UserErased", "CustomerErased", "InvoiceErased"];

/// Compares all that was ever told with all that is there.
pub(super) async fn check(platform: &Platform, ledger: &[Entry]) -> Result<Findings> {
    let mut history = History::default();
    for commit in headwater::<Commit>(platform, &format!("dump --tenant {TENANT}")).await? {
        history.add(commit);
    }
    let mut findings = Findings::default();
    for entry in ledger {
        history.check(entry, &mut findings);
    }
    history.check_mails(&mails(platform.folder()), &mut findings);
    history.check_forgotten(platform, &mut findings).await?;
    Ok(findings)
}

/// The names of the mails that were sent.
pub(super) fn mails(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("outbox")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".eml"))
        .collect()
}

/// The file of the mail that this event of an invoice asks for.
pub(super) fn mail_of(invoice: &str, event: u64) -> String {
    let id = invoice.rsplit('/').next().unwrap_or_default();
    format!("{TENANT}.{id}.{event}.eml")
}

impl History {
    fn add(&mut self, Commit { stream, metadata, events }: Commit) {
        let Some(stream) = stream.strip_prefix(&format!("{TENANT}/")).map(str::to_owned) else {
            return;
        };
        for Event { number, name, data } in &events {
            match name.as_str() {
                "LicenseAcquired" | "LicenseGrantedProvisionally" => {
                    *self
                        .licenses
                        .entry(data["licenseId"].as_str().unwrap_or_default().to_owned())
                        .or_default() += 1;
                }
                "ExternalRevisionSet" => {
                    self.revisions
                        .entry(stream.clone())
                        .or_default()
                        .extend(data["revision"].as_u64());
                }
                "InvoiceSent" => self.mails.push(mail_of(&stream, *number)),
                name if FORGETTING.contains(&name) => self.forgotten.push(stream.clone()),
                _ => {}
            }
        }
        let last = events.last().map_or(0, |event| event.number);
        self.commits.entry((stream, metadata.correlation_id)).or_default().push(last);
    }

    fn check(&self, Entry { id, stream, expected }: &Entry, findings: &mut Findings) {
        let versions =
            self.commits.get(&(stream.clone(), id.clone())).map_or(&[][..], Vec::as_slice);
        let what = || format!("{stream}, request {id}: versions {versions:?}");
        match expected {
            Expected::Never if !versions.is_empty() => {
                findings.untrue.push(format!("{}, but it was refused", what()))
            }
            _ if versions.len() > 1 => findings.twice.push(what()),
            Expected::Once(version) if versions.is_empty() => {
                findings.lost.push(format!("{}, answered {version}", what()))
            }
            Expected::Once(version) | Expected::AtMostOnce(Some(version))
                if versions.first().is_some_and(|is| is != version) =>
            {
                findings.untrue.push(format!("{}, answered {version}", what()));
            }
            Expected::License(license) => match self.licenses.get(license) {
                None => findings.lost.push(format!("{stream}: licence {license}")),
                Some(1) => {}
                Some(times) => {
                    findings.twice.push(format!("{stream}: licence {license}, {times} times"))
                }
            },
            Expected::Revision(revision) => {
                let taken = self.revisions.get(stream).map_or(&[][..], Vec::as_slice);
                match taken.iter().filter(|taken| *taken == revision).count() {
                    0 if taken.iter().all(|taken| taken < revision) => {
                        findings.lost.push(format!("{stream}: revision {revision}"))
                    }
                    0 | 1 => {}
                    _ => findings.twice.push(format!("{stream}: revision {revision}")),
                }
            }
            _ => {}
        }
    }

    /// Whoever is forgotten is so everywhere, whichever process died on the way.
    async fn check_forgotten(&self, platform: &Platform, findings: &mut Findings) -> Result<()> {
        let operator = platform.client_with(TENANT, "officer", &["operator"]).await?;
        for stream in &self.forgotten {
            let certificate = operator.get(&format!("/{stream}/certificate")).await?.body;
            if certificate["keyIsDestroyed"] != true || certificate["rowsArePurged"] != true {
                findings.untrue.push(format!("{stream} is forgotten, and {certificate}"));
            }
        }
        Ok(())
    }

    /// A mail for each event that asks for one, and no other. Whom an invoice was for may have been
    /// forgotten before its mail was sent.
    fn check_mails(&self, sent: &[String], findings: &mut Findings) {
        findings.lost.extend(
            self.mails
                .iter()
                .filter(|mail| !sent.contains(mail) && !self.is_of_forgotten(mail))
                .map(|mail| format!("the mail {mail}")),
        );
        findings.twice.extend(
            sent.iter()
                .filter(|mail| !self.mails.contains(mail))
                .map(|mail| format!("the mail {mail}")),
        );
    }

    fn is_of_forgotten(&self, mail: &str) -> bool {
        self.forgotten.iter().any(|stream| {
            let id = stream.rsplit('/').next().unwrap_or_default();
            mail.starts_with(&format!("{TENANT}.{id}."))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A stream in which request `a` is there once, `b` twice and licence `l` once; and what is
    /// found where this was expected of a request.
    fn found(id: &str, expected: Expected) -> [usize; 3] {
        let mut history = History::default();
        let acquired = |number: u64| {
            json!([
                {
                    "number": number,
                    "type": "LicenseAcquired",
                    "version": 1,
                    "data": { "licenseId": "l" },
                }
            ])
        };
        let revised = |number: u64| {
            json!([
                {
                    "number": number,
                    "type": "ExternalRevisionSet",
                    "version": 1,
                    "data": { "revision": number },
                }
            ])
        };
        for (id, events) in [("a", acquired(1)), ("b", revised(2)), ("b", revised(3))] {
            let commit = json!({
                "stream": format!("{TENANT}/s"),
                "metadata": { "correlationId": id },
                "events": events,
            });
            history.add(serde_json::from_value(commit).unwrap());
        }
        let mut findings = Findings::default();
        history
            .check(&Entry { id: id.to_owned(), stream: "s".to_owned(), expected }, &mut findings);
        [findings.lost.len(), findings.twice.len(), findings.untrue.len()]
    }

    #[test]
    fn what_is_not_as_it_was_told_is_found() {
        let [right, lost, twice, untrue] = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]];
        for (id, expected, is) in [
            ("a", Expected::Once(1), right),
            ("a", Expected::Once(2), untrue),
            ("b", Expected::Once(2), twice),
            ("c", Expected::Once(1), lost),
            ("a", Expected::AtMostOnce(None), right),
            ("a", Expected::AtMostOnce(Some(2)), untrue),
            ("b", Expected::AtMostOnce(None), twice),
            ("c", Expected::AtMostOnce(Some(1)), right),
            ("a", Expected::Never, untrue),
            ("c", Expected::Never, right),
            ("a", Expected::License("l".to_owned()), right),
            ("a", Expected::License("m".to_owned()), lost),
            ("1", Expected::Revision(1), right),
            ("3", Expected::Revision(3), right),
            ("4", Expected::Revision(4), lost),
        ] {
            assert_eq!(found(id, expected), is, "{id}");
        }
    }

    #[test]
    fn a_mail_that_was_not_sent_is_lost_and_one_that_nobody_asked_for_is_one_too_many() {
        let history = History {
            mails: vec![mail_of("invoicing/invoices/7", 9), mail_of("invoicing/invoices/7", 10)],
            ..History::default()
        };
        let mut findings = Findings::default();
        history.check_mails(
            &["faults.7.9.eml".to_owned(), "faults.7.9.2.eml".to_owned()],
            &mut findings,
        );
        assert_eq!(
            (findings.lost, findings.twice),
            (
                vec!["the mail faults.7.10.eml".to_owned()],
                vec!["the mail faults.7.9.2.eml".to_owned()]
            )
        );
    }
}
