//! The call by which an operator proves that a person was forgotten.

use std::time::Duration;

use headwater::{Aggregate, Domain, Domains};
use headwater_lambda::{Answer, Call, Function, Problem};
use headwater_services::{Certificate, NotCertified, certify};

use crate::subject;

/// What is left of a call's time for its answer, when the rows are not there yet.
const RESERVE: Duration = Duration::from_secs(2);

/// `GET /<path>/{id}/certificate`: that the person of a thing is forgotten, and how far. For
/// operators.
///
/// ```
/// use headwater::{Aggregate, Domain};
/// use headwater_functions::certificate;
/// use headwater_lambda::Function;
///
/// fn guests_certificate<Guest: Aggregate>(inn: &'static Domain) -> Function {
///     let path = "/inn/guests/{id}/certificate";
///     certificate::<Guest>(inn, "inn-guests-certificate", path, "That a guest is forgotten.")
/// }
/// ```
pub fn certificate<A: Aggregate>(
    domain: &'static Domain,
    name: &str,
    path: &str,
    summary: &'static str,
) -> Function {
    let call = Call::entity::<Certificate>(name, path, summary).operator();
    Function::http(call, move |app, request| async move {
        let subject = subject::<A>(&request)?;
        let (store, views) = (app.store(&request)?, app.views(&request)?);
        let deadline = request.deadline.checked_sub(RESERVE).unwrap_or(request.deadline);
        let certificate =
            certify(&Domains::new([domain]), &store, &views, &subject, deadline).await;
        let certificate = certificate.map_err(|none| match none {
            NotCertified::Kind | NotCertified::Stream => Problem::not_found("such certificate"),
            NotCertified::Store(error) => error.into(),
        })?;
        Answer::collection(&request, None, &certificate)
    })
}
