//! Acquiring a licence: by the rules, or provisionally where the store is out of reach.
//!
//! | step | takes at most |
//! |---|---|
//! | a cold start opens its connections | 1 s |
//! | policy and attempt | 2.5 s |
//! | under a key: whether it was granted before is looked up | 0.5 s |
//! | the grant is put on its queue | 2 s |
//! | under a key: the grant is remembered | 0.5 s |
//!
//! Together less than the function's timeout, and far less than the gateway waits. The same budgets
//! hold where the store is slow.

use std::sync::Arc;
use std::time::Duration;

use headwater::{Folded, StreamName};
use headwater_lambda::{
    Answer, App, Assume, Call, Function, IdToCreate, Kind, Problem, Request, metric,
};
use licensing::{
    AcquireLicense, ApplyGrant, Customer, DOMAIN, EarlierLicense, Grant, GrantKey, LicenseId,
    LicenseRequest, PolicyInForce, customer,
};

use crate::grants;
use crate::policy_cache::PolicyCache;
use crate::remembered;
use crate::roles;
use crate::view::{LicenseAnswer, license_answer};

/// How long the store may take over policy and attempt before the licence is granted without it.
const STORE_BUDGET: Duration = Duration::from_millis(2_500);

/// `POST /licensing/customers/{id}/licenses`
pub(crate) fn acquire_license() -> Function {
    let path = "/licensing/customers/{id}/licenses";
    let call =
        Call::of::<AcquireLicense>("POST", path, "Acquire a licence to keep a title on a device.")
            .kind(Kind::Create)
            .body::<LicenseRequest>()
            .answer::<LicenseAnswer>();
    let policies = Arc::new(PolicyCache::default());
    Function::http(call, move |app, request| {
        let policies = Arc::clone(&policies);
        async move {
            let acquisition = Acquisition {
                key: grants::key()?,
                stream: customer::stream(request.tenant(), request.path("id"))?,
                id: request.id_to_create()?,
                wanted: request.json()?,
                app: &app,
                policies: &policies,
                request: &request,
            };
            acquisition.carry_out().await
        }
    })
    .role(&roles::ACQUIRE)
}

struct Acquisition<'a> {
    app: &'a App,
    policies: &'a PolicyCache,
    request: &'a Request,
    /// Asked for with every acquire, so that a missing one shows before an outage does.
    key: &'static GrantKey,
    stream: StreamName,
    /// The licence's: the same in the attempt and in the grant, so that both are the same licence.
    id: IdToCreate,
    wanted: LicenseRequest,
}

impl Acquisition<'_> {
    async fn carry_out(&self) -> Result<Answer, Problem> {
        let answer = self.by_the_rules().await;
        // Whoever sets a condition wants the store's word.
        let is_conditional =
            self.request.if_match()?.is_some() || self.request.if_none_match()?.is_some();
        match answer {
            Err(problem) if problem.is_out_of_reach() && !is_conditional => {
                self.provisionally(problem).await
            }
            Err(problem) if problem.status() == 409 => self.granted_before().await?.ok_or(problem),
            Ok(answer) if answer.status == 409 => {
                Ok(self.granted_before().await?.unwrap_or(answer))
            }
            answer => answer,
        }
    }

    async fn by_the_rules(&self) -> Result<Answer, Problem> {
        let request = self.request.within(STORE_BUDGET);
        let command = self.command(self.policies.in_force(self.app, &request).await?);
        let acquired = |folded: &Folded<Customer>| {
            self.acquired(
                command.made(&folded.state, self.request.now).unwrap_or(&command.license_id),
                folded,
            )
        };
        self.app.execute(&request, &self.stream, &command, Assume::Nothing, &acquired).await
    }

    /// What the rules refuse may have been granted under the same key while the store was out of
    /// reach, and not be written yet. Then it is written now, by the reconciler's command.
    async fn granted_before(&self) -> Result<Option<Answer>, Problem> {
        let Some(grant) = self.remembered().await else { return Ok(None) };
        let license_id = grant.license_id.clone();
        let request = self.request.unconditional();
        let command = ApplyGrant { grant, past: None };
        let acquired = |folded: &Folded<Customer>| self.acquired(&license_id, folded);
        self.app
            .execute(&request, &self.stream, &command, Assume::Nothing, &acquired)
            .await
            .map(Some)
    }

    /// The grant that was given under this request's key, if it has one and was.
    async fn remembered(&self) -> Option<Grant> {
        let key = self.request.keyed_as().ok()??;
        let grant = self.key.verify(&remembered::get(&key).await?).ok()?;
        let is_this =
            grant.tenant == self.request.tenant() && grant.customer_id == self.stream.id();
        // After the key's time the same request is a new one.
        let counts =
            self.id.earlier.as_ref().is_some_and(|earlier| grant.granted_at >= earlier.since);
        (is_this && counts).then_some(grant)
    }

    /// Grants the licence as if the customer had nothing, by the last policy that is known. It
    /// counts once the queue has it.
    async fn provisionally(&self, because: Problem) -> Result<Answer, Problem> {
        if let Some(grant) = self.remembered().await {
            return Ok(self.provisional(&grant, self.key.sign(&grant)));
        }
        tracing::warn!(
            problem = because.name(),
            cause = because.cause,
            correlation_id = self.request.correlation_id,
            "to be granted"
        );
        let Request { now, caller, correlation_id, .. } = self.request;
        let attempt = self.command(self.policies.last_known(&caller.tenant));
        let grant = Grant::provisional(
            &caller.tenant,
            &self.stream.id().into(),
            &attempt,
            *now,
            &caller.subject,
            correlation_id,
        )?;
        let grant = Grant { causation_id: self.request.causation_id.clone(), ..grant };
        let signed = self.key.sign(&grant);
        grants::enqueue(self.app, &self.stream, &signed, because).await?;
        metric(DOMAIN, "ProvisionalGrants", 1.0);
        if let Some(key) = self.request.keyed_as()? {
            remembered::put(&key, &signed).await;
        }
        Ok(self.provisional(&grant, signed))
    }

    fn command(&self, policy: PolicyInForce) -> AcquireLicense {
        let IdToCreate { id, earlier } = self.id.clone();
        let earlier = earlier
            .map(|earlier| EarlierLicense { license_id: earlier.id.into(), since: earlier.since });
        AcquireLicense { license_id: id.into(), earlier, request: self.wanted.clone(), policy }
    }

    fn acquired(&self, license_id: &LicenseId, customer: &Folded<Customer>) -> Answer {
        license_answer(201, &self.stream, license_id, customer)
            .header("location", &self.location(license_id))
    }

    fn provisional(&self, grant: &Grant, signed: String) -> Answer {
        Answer::json(201, &LicenseAnswer::provisional(grant, signed))
            .header("location", &self.location(&grant.license_id))
    }

    fn location(&self, license_id: &LicenseId) -> String {
        format!("/{}/licenses/{license_id}", self.stream.within_tenant())
    }
}
