//! The rules once more, told as simply as can be: the whole log is kept, nothing leaves, and
//! everything is counted anew each time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use licensing::*;

use crate::world::{Outcome, Shown, Step};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    log: Vec<(Timestamp, CustomerEvent)>,
}

/// A licence as its last acquisition and what came after made it.
#[derive(Clone, Debug)]
struct Licence {
    title: TitleId,
    studio: StudioId,
    device: DeviceId,
    expires: Timestamp,
    downloaded: Option<Timestamp>,
    released: Option<Timestamp>,
}

impl Licence {
    fn live(&self, now: Timestamp) -> bool {
        self.released.is_none() && now < self.expires
    }

    fn over(&self, now: Timestamp) -> bool {
        now >= self.released.unwrap_or(self.expires).min(self.expires) + DAY * 30
    }
}

impl Model {
    /// What should follow from a step, and what then has happened.
    pub(crate) fn step(
        &mut self,
        step: &Step,
        policy: &PolicyInForce,
        grants: &BTreeMap<LicenseId, Grant>,
        now: Timestamp,
    ) -> Outcome {
        let events = self.decide(step, policy, grants, now)?;
        self.log.extend(events.iter().map(|event| (now, event.clone())));
        Ok(events)
    }

    /// What the rules count for a licence more: devices, the studio's licences, the title's
    /// downloads.
    pub(crate) fn counts(
        &self,
        wanted: &LicenseRequest,
        but: Option<&str>,
        now: Timestamp,
    ) -> [usize; 3] {
        let live = self.live(but, now);
        let waiting = live
            .iter()
            .filter(|licence| licence.title == wanted.title_id && licence.downloaded.is_none())
            .count();
        let own = but.and_then(|id| self.licence(id)?.downloaded);
        let downloads = self.log.iter().filter(|(at, event)| match event {
            CustomerEvent::LicenseDownloaded { license_id, title_id, .. } => {
                let is_own = Some(license_id.as_str()) == but && Some(*at) == own;
                *title_id == wanted.title_id && *at > now - DAY * 365 && !is_own
            }
            _ => false,
        });
        let devices: BTreeSet<&DeviceId> = live.iter().map(|licence| &licence.device).collect();
        [
            devices.len(),
            live.iter().filter(|licence| licence.studio == wanted.studio_id).count(),
            downloads.count() + waiting,
        ]
    }

    fn decide(
        &self,
        step: &Step,
        policy: &PolicyInForce,
        grants: &BTreeMap<LicenseId, Grant>,
        now: Timestamp,
    ) -> Outcome {
        match step {
            Step::Wait(_) | Step::Policy(_) | Step::Grant(..) => Ok(vec![]),
            Step::Acquire(id, wanted) => self.acquire(id, wanted, policy, now),
            Step::Reconcile(id) => Ok(self.unwritten(grants.get(id)).into_iter().collect()),
            Step::ReleaseAll => Ok(self.releases(now, |_| true)),
            Step::Deactivate(device) => self.deactivate(device, policy, now),
            Step::Downloaded(id, shown) | Step::Renew(id, shown) | Step::Release(id, shown) => {
                let grant = grants.get(id).filter(|_| *shown == Shown::Grant);
                let granted = self.unwritten(grant);
                let mut with_grant = self.clone();
                with_grant.log.extend(granted.clone().map(|event| (now, event)));
                let follows = with_grant.follow_up(step, id, policy, now)?;
                Ok(granted.into_iter().chain(follows).collect())
            }
        }
    }

    fn acquire(
        &self,
        id: &str,
        wanted: &LicenseRequest,
        policy: &PolicyInForce,
        now: Timestamp,
    ) -> Outcome {
        if self.licence(id).is_some_and(|licence| !licence.over(now)) {
            return Ok(vec![]);
        }
        self.check(wanted, None, &policy.policy, now)?;
        let LicenseRequest { title_id, studio_id, device_id } = wanted.clone();
        let expires_at = now + DAY * policy.policy.license_days as i32;
        let policy_version = policy.version;
        Ok(vec![CustomerEvent::LicenseAcquired {
            license_id: id.into(),
            title_id,
            studio_id,
            device_id,
            expires_at,
            policy_version,
        }])
    }

    fn follow_up(&self, step: &Step, id: &str, policy: &PolicyInForce, now: Timestamp) -> Outcome {
        let licence = self.licence(id).ok_or("404")?;
        let (license_id, device_id) = (id.to_owned(), licence.device.clone());
        match step {
            Step::Downloaded(..) if licence.downloaded.is_some() => Ok(vec![]),
            Step::Downloaded(..) if licence.over(now) => Err("409 license-expired".to_owned()),
            Step::Downloaded(..) => Ok(vec![CustomerEvent::LicenseDownloaded {
                license_id: license_id.into(),
                title_id: licence.title,
                device_id,
            }]),
            Step::Release(..) if licence.released.is_some() || licence.over(now) => Ok(vec![]),
            Step::Release(..) => Ok(vec![CustomerEvent::LicenseReleased {
                license_id: license_id.into(),
                device_id,
            }]),
            _ if licence.released.is_some() => Err("409 license-released".to_owned()),
            _ if licence.over(now) => Err("409 license-expired".to_owned()),
            _ => {
                let wanted = LicenseRequest {
                    title_id: licence.title,
                    studio_id: licence.studio,
                    device_id: device_id.as_str().into(),
                };
                self.check(&wanted, Some(id), &policy.policy, now)?;
                let expires_at = licence.expires.max(now) + DAY * policy.policy.license_days as i32;
                Ok(vec![CustomerEvent::LicenseRenewed {
                    license_id: license_id.into(),
                    device_id,
                    expires_at,
                    policy_version: policy.version,
                }])
            }
        }
    }

    fn deactivate(&self, device: &str, policy: &PolicyInForce, now: Timestamp) -> Outcome {
        let used = self
            .log
            .iter()
            .rposition(|(_, event)| device_with_live_licence(event) == Some(device))
            .ok_or("404")?;
        let deactivated = |event: &CustomerEvent| {
            matches!(
                event,
                CustomerEvent::DeviceDeactivated { device_id, .. } if device_id == device,
            )
        };
        if self.log[used..].iter().any(|(_, event)| deactivated(event)) {
            return Ok(vec![]);
        }
        let all = self.log.iter().filter(|(at, event)| {
            matches!(event, CustomerEvent::DeviceDeactivated { .. }) && *at > now - DAY * 365
        });
        refuse("deactivation-limit", all.count(), policy.policy.deactivations_per_year)?;
        let device_id = device.to_owned();
        let mut events = self.releases(now, |licence| licence.device == device);
        events.push(CustomerEvent::DeviceDeactivated {
            device_id: device_id.into(),
            policy_version: policy.version,
        });
        Ok(events)
    }

    fn releases(&self, now: Timestamp, of: impl Fn(&Licence) -> bool) -> Vec<CustomerEvent> {
        let release = |license_id: LicenseId| {
            let licence = self.licence(&license_id)?;
            let is_meant = licence.live(now) && of(&licence);
            let device_id = licence.device;
            is_meant.then_some(CustomerEvent::LicenseReleased { license_id, device_id })
        };
        self.ids().into_iter().filter_map(release).collect()
    }

    fn check(
        &self,
        wanted: &LicenseRequest,
        but: Option<&str>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), String> {
        let [devices, studio, title] = self.counts(wanted, but, now);
        if !self.live(but, now).iter().any(|licence| licence.device == wanted.device_id) {
            refuse("device-limit", devices, policy.max_devices)?;
        }
        refuse("studio-limit", studio, policy.studio_downloads.of(&wanted.studio_id))?;
        refuse("title-yearly-limit", title, policy.title_downloads_per_year)
    }

    fn unwritten(&self, grant: Option<&Grant>) -> Option<CustomerEvent> {
        let Grant {
            license_id,
            title_id,
            studio_id,
            device_id,
            granted_at,
            expires_at,
            policy_version,
            ..
        } = grant.filter(|grant| self.licence(&grant.license_id).is_none())?.clone();
        Some(CustomerEvent::LicenseGrantedProvisionally {
            license_id,
            title_id,
            studio_id,
            device_id,
            granted_at,
            expires_at,
            policy_version,
        })
    }

    fn live(&self, but: Option<&str>, now: Timestamp) -> Vec<Licence> {
        let others = self.ids().into_iter().filter(|id| Some(id.as_str()) != but);
        others.filter_map(|id| self.licence(&id)).filter(|licence| licence.live(now)).collect()
    }

    fn ids(&self) -> BTreeSet<LicenseId> {
        let acquired = |event: &CustomerEvent| match event {
            CustomerEvent::LicenseAcquired { license_id, .. }
            | CustomerEvent::LicenseGrantedProvisionally { license_id, .. } => {
                Some(license_id.clone())
            }
            _ => None,
        };
        self.log.iter().filter_map(|(_, event)| acquired(event)).collect()
    }

    fn licence(&self, id: &str) -> Option<Licence> {
        self.log.iter().fold(None, |licence, (at, event)| after(licence, id, event, *at))
    }
}

/// The device that has a live licence by an event.
fn device_with_live_licence(event: &CustomerEvent) -> Option<&str> {
    match event {
        CustomerEvent::LicenseAcquired { device_id, .. }
        | CustomerEvent::LicenseGrantedProvisionally { device_id, .. }
        | CustomerEvent::LicenseRenewed { device_id, .. } => Some(device_id),
        _ => None,
    }
}

fn after(
    licence: Option<Licence>,
    id: &str,
    event: &CustomerEvent,
    at: Timestamp,
) -> Option<Licence> {
    match event {
        CustomerEvent::LicenseAcquired {
            license_id,
            title_id,
            studio_id,
            device_id,
            expires_at,
            ..
        }
        | CustomerEvent::LicenseGrantedProvisionally {
            license_id,
            title_id,
            studio_id,
            device_id,
            expires_at,
            ..
        } if license_id == id => {
            let (title, studio, device) = (title_id.clone(), studio_id.clone(), device_id.clone());
            Some(Licence {
                title,
                studio,
                device,
                expires: *expires_at,
                downloaded: None,
                released: None,
            })
        }
        CustomerEvent::LicenseDownloaded { license_id, .. } if license_id == id => {
            licence.map(|l| Licence { downloaded: Some(at), ..l })
        }
        CustomerEvent::LicenseReleased { license_id, .. } if license_id == id => {
            licence.map(|l| Licence { released: Some(at), ..l })
        }
        CustomerEvent::LicenseRenewed { license_id, expires_at, .. } if license_id == id => {
            licence.map(|l| Licence { expires: *expires_at, ..l })
        }
        _ => licence,
    }
}

fn refuse(rule: &str, count: usize, limit: u32) -> Result<(), String> {
    if count >= limit as usize { Err(format!("409 {rule} {count}/{limit}")) } else { Ok(()) }
}
