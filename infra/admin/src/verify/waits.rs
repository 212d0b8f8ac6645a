//! What waits for a person or for another try, and mails that are in no list although they were
//! never sent.

use headwater::Commit;
use headwater_dynamodb::{EffectId, Finding, Standing};
use headwater_services::{effects, parked_updates};
use jiff::{SignedDuration, Timestamp};

use super::{Seen, Verifier};
use crate::failure::Failure;
use crate::failures::{found, read};
use crate::listed::{Listed, read_error};

/// `redrive` puts batches back every minute, so a younger object may be about to go.
const REDRIVEN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// How many of the updates and objects are read; whoever has more knows what is wrong.
const MOST: usize = 10_000;

/// An effect outside that is neither carried out nor in the list of what waits.
pub(super) type OpenEffect = (&'static str, EffectId);

impl Verifier {
    /// Looks at the effects that commits ask for: what waits is a finding, what is open is looked
    /// at again.
    pub(super) async fn effects_of(
        &self,
        commits: &[Commit],
    ) -> Result<(Vec<Finding>, Vec<OpenEffect>), Failure> {
        let (mut findings, mut open) = (Vec::new(), Vec::new());
        for (handler, effect) in commits.iter().flat_map(|commit| effects(&self.domains, commit)) {
            match self.standing(handler, &effect).await? {
                None | Some(Standing::Done) => {}
                Some(Standing::Waiting(waiting)) => {
                    findings.push(waits(&effect, &Listed::from(waiting).why()))
                }
                Some(Standing::Untried | Standing::Tried(..)) => open.push((handler, effect)),
            }
        }
        Ok((findings, open))
    }

    /// Looks once more at effects that were open.
    pub(super) async fn effects_again(
        &self,
        open: Vec<OpenEffect>,
    ) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        for (handler, effect) in open {
            match self.standing(handler, &effect).await? {
                None | Some(Standing::Done) => {}
                Some(Standing::Waiting(waiting)) => {
                    findings.push(waits(&effect, &Listed::from(waiting).why()))
                }
                Some(Standing::Tried(tries, error)) => {
                    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
                    findings.push(waits(
                        &effect,
                        &format!("was tried {tries} times, and has yet to be sent{error}"),
                    ));
                }
                Some(Standing::Untried) => findings.push(waits(
                    &effect,
                    "was never tried: relay repair --stream puts its record again",
                )),
            }
        }
        Ok(findings)
    }

    /// Tells of users' updates that are parked, and of what lies in the failures bucket for longer
    /// than it should.
    pub(super) async fn take_what_waits(&self, seen: &mut Seen) -> Result<(), Failure> {
        for (service, views) in &self.updates {
            for update in parked_updates(service, views, self.tenant.as_deref(), None, MOST)
                .await
                .map_err(read_error)?
            {
                let stream = update.stream.clone();
                seen.findings.insert(Finding::new("update", &stream, Listed::from(update).why()));
            }
        }
        if let Some(bucket) = &self.failures {
            let before =
                Timestamp::now().saturating_sub(REDRIVEN_WITHIN).unwrap_or(Timestamp::UNIX_EPOCH);
            let mut objects = found(bucket, None, MOST).await?;
            objects.retain(|object| object.at < before);
            for object in read(bucket, objects).await? {
                seen.findings.insert(Finding {
                    kind: object.kind(),
                    stream: object.key().to_owned(),
                    what: object.why(),
                });
            }
        }
        Ok(())
    }

    async fn standing(
        &self,
        handler: &str,
        effect: &EffectId,
    ) -> Result<Option<Standing>, Failure> {
        match self.effects.get(handler) {
            Some(effects) => Ok(Some(effects.standing(effect).await?)),
            None => Ok(None),
        }
    }
}

fn waits(effect: &EffectId, why: &str) -> Finding {
    Finding::new("mail", &effect.stream, format!("the mail of event {} {why}", effect.number))
}
