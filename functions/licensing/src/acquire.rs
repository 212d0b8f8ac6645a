//! Acquiring a licence: by the rules, or provisionally where the store is out of reach.
//!
//! | step | takes at most |
//! |---|---|
//! | a cold start opens its connections | 1 s |
//! | policy and attempt | 2.5 s |
//! | the grant is put on its queue | 2 s |
//!
//! Together less than the function's timeout, and far less than the gateway waits. The same budgets hold where the store is slow.

use std::sync::Arc;
use std::time::Duration;

use headwater::{Folded, StreamName};
use headwater_lambda::{Answer, App, Assume, Call, Function, Problem, Request, metric};
use licensing::limits::{DEVICE_LIMIT, STUDIO_LIMIT, TITLE_YEARLY_LIMIT};
use licensing::{AcquireLicense, Customer, DOMAIN, Grant, GrantKey, LicenseRequest, PolicyInForce, customer};

use crate::grants;
use crate::policy_cache::PolicyCache;
use crate::view::{LicenseAnswer, license_answer};

/// How long the store may take over policy and attempt before the licence is granted without it.
const STORE_BUDGET: Duration = Duration::from_millis(2_500);

/// `POST /licensing/customers/{id}/licenses`
pub fn acquire_license() -> Function {
    let path = "/licensing/customers/{id}/licenses";
    let call = Call::create::<LicenseRequest>("licensing-acquire-license", path, "Acquire a licence to keep a title on a device.")
        .answer::<LicenseAnswer>()
        .rules(&[&DEVICE_LIMIT, &STUDIO_LIMIT, &TITLE_YEARLY_LIMIT]);
    let policies = Arc::new(PolicyCache::default());
    Function::http(call, move |app, request| {
        let policies = Arc::clone(&policies);
        async move {
            let acquisition = Acquisition {
                key: grants::key()?,
                stream: customer::stream(request.tenant(), request.path("id"))?,
                license_id: request.id_to_create()?,
                wanted: request.json()?,
                app: &app,
                policies: &policies,
                request: &request,
            };
            acquisition.carry_out().await
        }
    })
}

struct Acquisition<'a> {
    app: &'a App,
    policies: &'a PolicyCache,
    request: &'a Request,
    /// Asked for with every acquire, so that a missing one shows before an outage does.
    key: &'static GrantKey,
    stream: StreamName,
    /// The same in the attempt and in the grant, so that both are the same licence.
    license_id: String,
    wanted: LicenseRequest,
}

impl Acquisition<'_> {
    async fn carry_out(&self) -> Result<Answer, Problem> {
        match self.by_the_rules().await {
            // Whoever demands a version wants the store's word.
            Err(problem) if problem.is_out_of_reach() && self.request.if_match()?.is_none() => self.provisionally(problem).await,
            answer => answer,
        }
    }

    async fn by_the_rules(&self) -> Result<Answer, Problem> {
        let request = self.request.within(STORE_BUDGET);
        let command = self.command(self.policies.in_force(self.app, &request).await?);
        let acquired =
            |folded: &Folded<Customer>| license_answer(201, &self.stream, &self.license_id, folded).header("location", &self.location());
        self.app.execute(&request, &self.stream, &command, Assume::Nothing, &acquired).await
    }

    /// Grants the licence as if the customer had nothing, by the last policy that is known. It counts once the queue has it.
    async fn provisionally(&self, because: Problem) -> Result<Answer, Problem> {
        tracing::warn!(problem = because.name(), cause = because.cause, correlation_id = self.request.correlation_id, "to be granted");
        let Request { now, caller, correlation_id, .. } = self.request;
        let attempt = self.command(self.policies.last_known(&caller.tenant));
        let grant = Grant::provisional(&caller.tenant, self.stream.id(), &attempt, *now, &caller.subject, correlation_id)?;
        let grant = Grant { causation_id: self.request.causation_id.clone(), ..grant };
        let signed = self.key.sign(&grant);
        grants::enqueue(self.app, &self.stream, &signed, because).await?;
        metric(DOMAIN, "ProvisionalGrants", 1.0);
        Ok(Answer::json(201, &LicenseAnswer::provisional(&grant, signed)).header("location", &self.location()))
    }

    fn command(&self, policy: PolicyInForce) -> AcquireLicense {
        AcquireLicense { license_id: self.license_id.clone(), request: self.wanted.clone(), policy }
    }

    fn location(&self) -> String {
        format!("{}/{}", self.request.raw_path, self.license_id)
    }
}
