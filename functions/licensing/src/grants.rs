//! Provisional grants at the rim: the key that signs them, the queue that outlives the outage, the
//! header that shows them.

use std::sync::LazyLock;
use std::time::Duration;

use headwater::StreamName;
use headwater_kinesis::{Record, Unpublished};
use headwater_lambda::problem::{OUTCOME_UNKNOWN, ProblemType};
use headwater_lambda::{App, Call, Problem, Request, Shape};
use licensing::{Grant, GrantKey};

/// How long the queue may take.
pub(crate) const QUEUE_BUDGET: Duration = Duration::from_secs(2);

/// What is shown as a grant is none, or is one of another licence.
pub(crate) static INVALID_GRANT: ProblemType = ProblemType {
    name: "invalid-grant",
    status: 400,
    title: "The grant is not one of this licence.",
    help: "`License-Grant` takes the `grant` that a provisional licence was answered with, \
           unchanged, and only in calls about that very licence. Nothing was written. Without the \
           header the call works once the grant has been written, which takes seconds after an \
           outage.",
};

/// The key, from the parameter `GrantKey`.
static KEY: LazyLock<Option<GrantKey>> =
    LazyLock::new(|| GrantKey::new(std::env::var("GRANT_KEY").ok()?.as_bytes()));

/// The key that signs grants.
///
/// # Errors
/// 500 if `GRANT_KEY` is not set, or has fewer than 32 bytes.
pub(crate) fn key() -> Result<&'static GrantKey, Problem> {
    KEY.as_ref().ok_or_else(|| Problem::internal("GRANT_KEY must have at least 32 bytes"))
}

/// Adds to a call that it takes the header `License-Grant`.
pub(crate) fn with_grant(call: Call) -> Call {
    call.header(
        "License-Grant",
        Shape::matching(GrantKey::SIGNED),
        "The `grant` of a provisional licence: the call then works before the grant has been \
         written.",
    )
    .problems(&[&INVALID_GRANT])
}

/// The grant that a call about a licence shows, checked; nothing if it shows none.
///
/// # Errors
/// 400 if it is not signed by us, or is not about the path's customer and licence.
pub(crate) fn shown(request: &Request) -> Result<Option<Grant>, Problem> {
    let Some(signed) = request.text_header("license-grant")? else { return Ok(None) };
    let grant =
        key()?.verify(signed).map_err(|error| Problem::new(&INVALID_GRANT, error.to_string()))?;
    if !grant.is_for(
        request.tenant(),
        &request.path("id").into(),
        &request.path("licenseId").into(),
    ) {
        return Err(Problem::new(&INVALID_GRANT, "the grant is one of another licence"));
    }
    Ok(Some(grant))
}

/// Puts a signed grant on its queue, by the customer's stream, so that one customer's grants are
/// written one after the other.
///
/// # Errors
/// `because`, that is why the grant was needed, if the queue has surely not taken it; 503
/// `outcome-unknown` if it may have.
pub(crate) async fn enqueue(
    app: &App,
    customer: &StreamName,
    signed: &str,
    because: Problem,
) -> Result<(), Problem> {
    let publisher = app.publisher("GRANTS_STREAM").map_err(Problem::internal)?;
    let record = Record { key: customer.to_string(), data: signed.as_bytes().to_vec() };
    publisher.publish_one(record, QUEUE_BUDGET).await.map_err(|unpublished| match unpublished {
        Unpublished::Refused => because,
        Unpublished::Unknown => {
            Problem::new(&OUTCOME_UNKNOWN, "").because("the queue of grants did not answer")
        }
    })
}
