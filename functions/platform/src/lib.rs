//! The list of services, and the functions that they share: the pipeline from the events table to
//! the views, and the calls on any stream.
//!
//! A new service is a line in [`domains`], and one in `SERVICES` of `headwater_services`.

use headwater_lambda::Service;
use headwater_services::SERVICES;

const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// The services that are about something.
fn domains() -> Vec<Service> {
    vec![
        identity_functions::service(),
        licensing_functions::service(),
        invoicing_functions::service(),
    ]
}

/// All that is deployed: the services, and what they share.
pub fn services() -> Vec<Service> {
    domains().into_iter().chain(shared()).collect()
}

/// What the services share.
pub fn shared() -> [Service; 2] {
    [common(&domains()), pipeline()]
}

/// Calls on the streams of all services, and the documents about their calls.
fn common(domains: &[Service]) -> Service {
    let common = Service::new("common", PACKAGE).functions([
        queries::list_streams(),
        queries::read_events(),
        queries::read_states(),
        queries::problems(queries::pages(domains)),
    ]);
    let calls = queries::calls(domains.iter().chain([&common]));
    let openapi = queries::openapi(calls);
    let calls = queries::calls(domains.iter().chain([&common]));
    let calls = calls.into_iter().chain(openapi.call().cloned()).collect();
    common.functions([openapi, queries::no_such_call(calls)])
}

/// From the events table to Kinesis, and the second chance of what failed on the way.
fn pipeline() -> Service {
    let projected = SERVICES.iter().map(|service| (service.domain, service.projections));
    Service::new("pipeline", PACKAGE).functions([
        relay::relay(),
        relay::redrive(),
        projectors::sweep(projected),
    ])
}
