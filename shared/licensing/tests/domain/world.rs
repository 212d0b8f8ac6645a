//! A customer that lives through steps: real decisions on the real state, with rows as the
//! projector would have them.

use std::collections::BTreeMap;

use headwater::{
    Aggregate, Command, Commit, Context, Folded, Metadata, Part, Projection, Rejection, encode,
};
use headwater_testkit::Clock;
use jiff::{SignedDuration, Timestamp};
use licensing::*;
use uuid::Uuid;

/// What can happen in a test.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Time passes, at least a millisecond.
    Wait(SignedDuration),
    Policy(SetPolicy),
    Acquire(LicenseId, LicenseRequest),
    /// The store is out of reach: the licence is granted, and not written.
    Grant(LicenseId, LicenseRequest),
    /// The grant is written.
    Reconcile(LicenseId),
    Downloaded(LicenseId, Shown),
    Renew(LicenseId, Shown),
    Release(LicenseId, Shown),
    ReleaseAll,
    Deactivate(DeviceId),
}

/// Whether the client shows the licence's grant with the command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shown {
    Nothing,
    Grant,
}

/// The events that follow, or the refusal: `404`, or as `409 device-limit 4/4`.
pub(crate) type Outcome = Result<Vec<CustomerEvent>, String>;

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) policy: PolicyInForce,
    pub(crate) folded: Folded<Customer>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) grants: BTreeMap<LicenseId, Grant>,
    pub(crate) licenses: BTreeMap<LicenseId, LicenseRow>,
    pub(crate) devices: BTreeMap<DeviceId, DeviceRow>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: Clock::default().now(),
            policy: PolicyInForce::default(),
            folded: Folded::default(),
            commits: Vec::new(),
            grants: BTreeMap::new(),
            licenses: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    pub(crate) fn customer(&self) -> &Customer {
        &self.folded.state
    }

    /// Carries a step out. What is no command of the customer's answers with no events.
    pub(crate) fn step(&mut self, step: &Step) -> Outcome {
        let policy = self.policy.clone();
        match step.clone() {
            Step::Wait(duration) => {
                self.now += duration;
                Ok(vec![])
            }
            Step::Policy(wanted) => {
                self.set_policy(&wanted);
                Ok(vec![])
            }
            Step::Grant(license_id, request) => {
                self.grant(AcquireLicense { license_id, earlier: None, request, policy })
            }
            Step::Acquire(license_id, request) => {
                self.execute(&AcquireLicense { license_id, earlier: None, request, policy })
            }
            Step::Reconcile(id) => match self.grants.get(&id).cloned() {
                Some(grant) => self.execute(&ApplyGrant { grant, past: self.past(&id) }),
                None => Ok(vec![]),
            },
            Step::Downloaded(id, shown) => self.follow_up(
                &id,
                shown,
                ReportDownloaded { license_id: id.clone(), past: self.past(&id) },
            ),
            Step::Renew(id, shown) => self.follow_up(
                &id,
                shown,
                RenewLicense { license_id: id.clone(), policy, past: self.past(&id) },
            ),
            Step::Release(id, shown) => self.follow_up(
                &id,
                shown,
                ReleaseLicense { license_id: id.clone(), past: self.past(&id) },
            ),
            Step::ReleaseAll => self.execute(&ReleaseAllLicenses {}),
            Step::Deactivate(device_id) => {
                let past = self.devices.get(&device_id).map(DeviceRow::past);
                self.execute(&DeactivateDevice { device_id, policy, past })
            }
        }
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            now: self.now,
            id: "7".to_owned(),
            fresh_id: Uuid::nil(),
            actor: "tester".to_owned(),
        }
    }

    /// Decides, and appends what follows.
    pub(crate) fn execute(&mut self, command: &impl Command<Aggregate = Customer>) -> Outcome {
        let events = command
            .decide(self.customer(), &self.context())
            .map_err(|rejection| shown(&rejection))?;
        if !events.is_empty() {
            let commit = self.commit(&events);
            self.folded.apply(&commit).expect("what was just written can be read");
            events.iter().for_each(|event| self.project(event));
            self.commits.push(commit);
        }
        Ok(events)
    }

    fn follow_up(&mut self, id: &LicenseId, shown: Shown, command: impl FollowUp) -> Outcome {
        match self.grants.get(id).cloned().filter(|_| shown == Shown::Grant) {
            Some(grant) => self.execute(&Granted { grant, command }),
            None => self.execute(&command),
        }
    }

    fn grant(&mut self, attempt: AcquireLicense) -> Outcome {
        let grant =
            Grant::provisional("acme", &"7".into(), &attempt, self.now, "tester", "request-1")
                .map_err(|rejection| shown(&rejection))?;
        self.grants.insert(attempt.license_id, grant);
        Ok(vec![])
    }

    fn set_policy(&mut self, wanted: &SetPolicy) {
        let events =
            wanted.decide(&self.policy.policy, &self.context()).expect("a policy is never refused");
        events.iter().for_each(|event| self.policy.policy.evolve(event, self.now));
        self.policy.version += events.len() as u64;
    }

    fn past(&self, license_id: &str) -> Option<PastLicense> {
        self.licenses.get(license_id).map(LicenseRow::past)
    }

    fn project(&mut self, event: &CustomerEvent) {
        if let Some(id) = LicenseRow::id(event) {
            self.licenses.entry(id.into()).or_default().evolve(event, self.now);
        }
        if let Some(id) = DeviceRow::id(event) {
            self.devices.entry(id.into()).or_default().evolve(event, self.now);
        }
    }

    fn commit(&self, events: &[CustomerEvent]) -> Commit {
        let first = self.folded.version + 1;
        let events = (first..)
            .zip(events)
            .map(|(number, event)| encode(number, event).expect("events serialize"))
            .collect();
        let metadata = Metadata {
            commit_id: Uuid::from_u64_pair(u64::MAX, first),
            command: "DeactivateDevice".to_owned(),
            actor: "00000000-0000-0000-0000-000000000000".to_owned(),
            correlation_id: "00000000-0000-0000-0000-000000000000".to_owned(),
            causation_id: None,
            traceparent: None,
            reason: None,
        };
        Commit { stream: stream(), first, at: self.now, metadata, events, snapshot: None }
    }
}

pub(crate) fn stream() -> headwater::StreamName {
    customer::stream("acme", "7").expect("a stream's name")
}

pub(crate) fn request(title_id: &str, studio_id: &str, device_id: &str) -> LicenseRequest {
    LicenseRequest {
        title_id: title_id.into(),
        studio_id: studio_id.into(),
        device_id: device_id.into(),
    }
}

fn shown(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Unknown { .. } => "404".to_owned(),
        Rejection::Refused { rule, members, .. } => {
            match (members.get("count"), members.get("limit")) {
                (Some(count), Some(limit)) => format!("409 {} {count}/{limit}", rule.name),
                _ => format!("409 {}", rule.name),
            }
        }
    }
}
