//! What a client does with licences.

use anyhow::Result;
use serde_json::json;

use super::command::{Command, Effect};
use super::session::Session;
use crate::Platform;

/// How many licences a client keeps at a time, and on how many devices.
const KEPT: usize = 6;
const DEVICES: u8 = 3;

#[derive(Clone, Copy)]
pub(super) enum Step {
    Acquire,
    ReportDownloaded,
    RecordSessions,
    Renew,
    Release,
    ReleaseAll,
    DeactivateDevice,
    SetPolicy,
    /// Sets it by the name of the command.
    Execute,
    /// Puts on the stream of grants what is none.
    PutNoGrant,
    ReadLicense,
    ListLicenses,
    ReadSessions,
    ListDevices,
    ListDownloads,
    ReadAllowance,
    ReadEvents,
    ReadPolicy,
    ReadChanges,
}

/// All of them.
pub(super) const STEPS: [Step; 19] = [
    Step::Acquire,
    Step::ReportDownloaded,
    Step::RecordSessions,
    Step::Renew,
    Step::Release,
    Step::ReleaseAll,
    Step::DeactivateDevice,
    Step::SetPolicy,
    Step::Execute,
    Step::PutNoGrant,
    Step::ReadLicense,
    Step::ListLicenses,
    Step::ReadSessions,
    Step::ListDevices,
    Step::ListDownloads,
    Step::ReadAllowance,
    Step::ReadEvents,
    Step::ReadPolicy,
    Step::ReadChanges,
];

/// The licences of one client, who is a customer.
#[derive(Default)]
pub(super) struct Licensing {
    licenses: Vec<License>,
}

#[derive(Clone)]
struct License {
    id: String,
    /// Of one that was granted while the store was out of reach.
    grant: Option<String>,
}

impl Licensing {
    pub(super) async fn step(&mut self, step: Step, session: &mut Session) -> Result<()> {
        let customer = format!("/licensing/customers/customer-{}", session.number);
        match step {
            Step::Acquire if self.licenses.len() >= KEPT => {
                self.on_license(Step::Release, session, &customer).await
            }
            Step::Acquire => self.acquire(session, &customer).await,
            Step::ReleaseAll => {
                self.licenses.clear();
                let command =
                    Command::new("POST", format!("{customer}/release"), stream(&customer));
                session.command(command.effect(Effect::Perhaps).may_be_missing()).await.map(|_| ())
            }
            Step::DeactivateDevice => {
                let device = session.rng.u8(..DEVICES);
                let command = Command::new(
                    "POST",
                    format!("{customer}/devices/device-{device}/deactivate"),
                    stream(&customer),
                );
                session.command(command.effect(Effect::Perhaps).may_be_missing()).await.map(|_| ())
            }
            Step::SetPolicy => {
                let policy = json!({ "maxDevices": 4, "licenseDays": session.rng.u8(30..60) });
                let command = Command::new("PUT", "/licensing/policy", "licensing/policy");
                session.command(command.body(policy).effect(Effect::Perhaps)).await.map(|_| ())
            }
            Step::Execute => {
                let policy = json!({ "maxDevices": 4, "licenseDays": session.rng.u8(30..60) });
                let body = json!({ "command": "SetPolicy", "payload": policy });
                let command = Command::new("POST", "/licensing/execute", "licensing/policy");
                session.command(command.body(body).effect(Effect::Perhaps)).await.map(|_| ())
            }
            Step::PutNoGrant => {
                // It is refused, and holds up nothing; where the stream is gone just now, there is
                // nothing to refuse.
                Platform::at(&session.url())
                    .put_record("GrantsStream", &customer, "no grant")
                    .await
                    .ok();
                Ok(())
            }
            Step::ReadPolicy => {
                session.read("/licensing/policy", "licensing/policy").await.map(|_| ())
            }
            Step::ReadChanges => session.look("/licensing/changes?limit=20").await,
            Step::ListLicenses => session.look(&format!("{customer}/licenses")).await,
            Step::ListDevices => session.look(&format!("{customer}/devices")).await,
            Step::ListDownloads => session.look(&format!("{customer}/downloads")).await,
            Step::ReadAllowance => {
                session.look(&format!("{customer}/allowance?titleId=alien&studioId=fox")).await
            }
            Step::ReadEvents => session.look(&format!("{customer}/events?limit=20")).await,
            _ => self.on_license(step, session, &customer).await,
        }
    }

    async fn acquire(&mut self, session: &mut Session, customer: &str) -> Result<()> {
        // Each title is another, so that no limit but that of the devices has a say.
        let (title, device) =
            (session.name("title"), format!("device-{}", session.rng.u8(..DEVICES)));
        let wanted = json!({
            "titleId": title,
            "studioId": format!("studio-of-{title}"),
            "deviceId": device,
        });
        let command =
            Command::new("POST", format!("{customer}/licenses"), stream(customer)).body(wanted);
        if let Some(reply) = session.command(command.effect(Effect::License)).await? {
            let grant = reply.body["grant"].as_str().map(str::to_owned);
            self.licenses.push(License { id: reply.id().to_owned(), grant });
        }
        Ok(())
    }

    async fn on_license(
        &mut self,
        step: Step,
        session: &mut Session,
        customer: &str,
    ) -> Result<()> {
        if self.licenses.is_empty() {
            return self.acquire(session, customer).await;
        }
        let place = session.rng.usize(..self.licenses.len());
        let License { id, grant } = self.licenses[place].clone();
        let path = format!("{customer}/licenses/{id}");
        let on_license = |what: &str, stream: String| {
            Command::new("POST", format!("{path}/{what}"), stream)
                .header("license-grant", grant.as_deref())
        };
        match step {
            Step::ReportDownloaded => session
                .command(on_license("downloaded", stream(customer)).effect(Effect::Perhaps))
                .await
                .map(|_| ()),
            Step::Renew => session.command(on_license("renew", stream(customer))).await.map(|_| ()),
            Step::RecordSessions => {
                let played = json!([
                    {
                        "eventId": session.name("event"),
                        "kind": "KEEPALIVE",
                        "at": "2026-01-01T00:00:00Z",
                    }
                ]);
                let playback = format!("{}/playback/{id}", stream(customer));
                session.command(on_license("sessions", playback).body(played)).await.map(|_| ())
            }
            Step::Release => {
                self.licenses.swap_remove(place);
                session
                    .command(on_license("release", stream(customer)).effect(Effect::Perhaps))
                    .await
                    .map(|_| ())
            }
            Step::ReadSessions => session.look(&format!("{path}/sessions")).await,
            // A licence that is only granted can be read once it is written.
            _ if grant.is_some() => session.look(&path).await,
            _ => session.read(&path, &stream(customer)).await.map(|_| ()),
        }
    }
}

/// The stream of the customer at this path.
fn stream(customer: &str) -> String {
    customer.trim_start_matches('/').to_owned()
}
