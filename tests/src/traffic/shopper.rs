//! One customer: what it sends, and what the model says it ought to be told.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use indicatif::ProgressBar;

use super::audit::Audit;
use super::behaviour::Behaviour;
use super::catalogue::Catalogue;
use super::check::Answer;
use super::clock::ServiceClock;
use super::model::{Customer, Effect, Facts, Granted, Policy};
use super::plan::{Profile, Visit};
use super::{Command, Tally};
use crate::{Client, Reply};

/// Longer than an answer may take, in milliseconds: nothing may end within this when a command is
/// sent.
const PATIENCE: i64 = 40_000;

/// How long a provisional licence may take into its stream, once the store answers again.
const WRITTEN_WITHIN: Duration = Duration::from_secs(120);

/// What all customers meet.
pub(super) struct Service {
    pub(super) client: Client,
    pub(super) clock: ServiceClock,
    pub(super) catalogue: Catalogue,
    pub(super) policy: Policy,
    /// The token of the policy in force: with it the newest limits count at once.
    pub(super) policy_token: Option<String>,
    pub(super) progress: ProgressBar,
}

/// A customer, as it is and as it behaves.
pub(super) struct Shopper {
    pub(super) profile: Profile,
    customer: Customer,
    last: Option<Command>,
    /// The tokens of the last change of the customer, and of what was played last.
    tokens: [Option<String>; 2],
    sent: u64,
}

impl Shopper {
    pub(super) fn new(profile: Profile) -> Self {
        Self { profile, customer: Customer::default(), last: None, tokens: [None, None], sent: 0 }
    }

    /// Sends the commands of a visit, one after the other.
    pub(super) async fn visit(&mut self, visit: Visit, service: &Service) -> Result<Tally> {
        let mut tally = Tally::default();
        for _ in 0..visit.commands {
            self.step(service, &mut tally).await?;
            service.progress.inc(1);
        }
        if visit.audited {
            let tokens: Vec<String> =
                self.tokens.iter().chain([&service.policy_token]).flatten().cloned().collect();
            self.audit(service, tokens.join(", "), &mut tally).await?;
        }
        Ok(tally)
    }

    /// Compares all that the service shows of this customer, if there is any.
    pub(super) async fn audit(
        &self,
        service: &Service,
        token: String,
        tally: &mut Tally,
    ) -> Result<()> {
        let (now, customer) = (service.clock.now(), &self.customer);
        let window = super::Span { to: now.to + PATIENCE, ..now };
        if customer.licenses.is_empty() {
            return Ok(());
        }
        if !customer.is_clear(window) {
            tally.skipped += 1;
            return Ok(());
        }
        let (client, policy) = (&service.client, &service.policy);
        let audit = Audit { client, id: &self.profile.id, customer, policy, token, now };
        tally.audits += 1;
        audit.run().await.map_err(|error| anyhow!("{error:#}\n{}", self.story()))
    }

    async fn step(&mut self, service: &Service, tally: &mut Tally) -> Result<()> {
        let now = service.clock.now();
        let behaviour = Behaviour {
            profile: &mut self.profile,
            customer: &self.customer,
            catalogue: &service.catalogue,
            last: self.last.as_ref(),
            now: now.from,
        };
        let command = behaviour.next();
        if !self.customer.is_clear(super::Span { to: now.to + PATIENCE, ..now }) {
            tally.skipped += 1;
            return Ok(());
        }
        let verdict = self.customer.decide(&command, &service.policy, now.from);
        self.sent += 1;
        let keyed = self.profile.rng.u32(..100) < 3;
        let key = keyed.then(|| format!("{}-{}", self.profile.id, self.sent));
        let sent = Instant::now();
        let reply = self.send(&command, key.as_deref(), service).await?;
        let at = service.clock.between(sent, Instant::now());
        ensure!(at.to < now.to + PATIENCE, "{command:?} took too long: {} ms", at.to - at.from);
        let answer = Answer {
            customer_id: &self.profile.id,
            customer: &self.customer,
            command: &command,
            reply: &reply,
            at,
        };
        let differs = |why| {
            let said = format!("{} {}", reply.status, reply.body);
            anyhow!(
                "{why}\ncommand: {command:?}\nmodel:   {verdict:?}\nservice: {said}\n{}",
                self.story()
            )
        };
        if reply.status == 201 && reply.body["provisional"] == true {
            let (facts, granted) = answer.provisional().map_err(differs)?;
            let (granted, token) = self.settle(&facts, granted, service).await?;
            ensure!(
                granted != Granted::ByTheRules || verdict.is_ok(),
                "{}",
                differs("written in spite of the rules".to_owned())
            );
            self.customer.acquire(&command, &facts, granted, &service.policy, at);
            self.tokens[0] = Some(token);
        } else {
            let facts = answer.check(&verdict).map_err(differs)?;
            if let Ok(effect) = verdict
                && effect != Effect::Nothing
            {
                self.customer.apply(&command, effect, &facts, &service.policy, at);
                self.tokens[usize::from(matches!(command, Command::Play { .. }))] =
                    Some(reply.token().to_owned());
            }
        }
        tally.count(command.kind(), &reply);
        // A provisional answer is not kept under its key: the next attempt has the licence's id as
        // well, but is another answer.
        if key.is_some() && reply.body["provisional"] != true {
            self.repeat(&command, key.as_deref(), &reply, service).await?;
            tally.keyed += 1;
        }
        self.last = Some(command);
        Ok(())
    }

    /// Waits until a licence that was granted provisionally is written: by the reconciler, or by
    /// the attempt after all.
    async fn settle(
        &self,
        facts: &Facts,
        granted: Granted,
        service: &Service,
    ) -> Result<(Granted, String)> {
        let path =
            format!("/licensing/customers/{}/licenses/{}", self.profile.id, facts.license_id);
        let start = Instant::now();
        loop {
            let read = service.client.call("GET", &path).send().await?;
            if read.status == 200 {
                let granted =
                    if read.body["provisional"] == true { granted } else { Granted::ByTheRules };
                return Ok((granted, read.token().to_owned()));
            }
            ensure!(
                start.elapsed() < WRITTEN_WITHIN,
                "{path} was granted and is not written: {}",
                self.story()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Under the same key, the same again has no effect and the same answer.
    async fn repeat(
        &self,
        command: &Command,
        key: Option<&str>,
        first: &Reply,
        service: &Service,
    ) -> Result<()> {
        let again = self.send(command, key, service).await?;
        let told = |reply: &Reply| {
            (
                reply.status,
                reply.body.clone(),
                reply.etag().to_owned(),
                reply.header("location").to_owned(),
            )
        };
        ensure!(
            told(&again) == told(first),
            "{command:?} repeated: {again:?} instead of {first:?}\n{}",
            self.story()
        );
        Ok(())
    }

    async fn send(&self, command: &Command, key: Option<&str>, service: &Service) -> Result<Reply> {
        let mut call = service.client.call("POST", &command.path(&self.profile.id));
        // A device follows up on what it was answered before: its token makes sure that this is
        // known.
        let token = self.tokens[0].as_ref().filter(|_| !matches!(command, Command::Acquire { .. }));
        let tokens: Vec<&str> =
            token.into_iter().chain(&service.policy_token).map(String::as_str).collect();
        if !tokens.is_empty() {
            call = call.header("consistency-token", &tokens.join(", "));
        }
        if let Some(key) = key {
            call = call.header("idempotency-key", key);
        }
        if let Some(body) = command.body() {
            call = call.json(&body);
        }
        call.send()
            .await
            .with_context(|| format!("{command:?} of {}\n{}", self.profile.id, self.story()))
    }

    /// What ought to have happened so far, for the report of a difference.
    fn story(&self) -> String {
        let events = self.customer.events.iter().enumerate();
        let lines = events.map(|(number, event)| {
            format!("  {} {:?} {} {}", number + 1, event.at, event.name, event.data)
        });
        format!(
            "customer {}, step {}, events so far:\n{}",
            self.profile.id,
            self.sent,
            lines.collect::<Vec<_>>().join("\n")
        )
    }
}
