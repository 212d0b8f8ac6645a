//! The list of services, and the functions that they share: the pipeline from the events table to
//! the views, and the calls on any stream.
//!
//! A new service is a line in [`domains`], and one in [`SERVICES`].

mod waiting;

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
    Service::new("pipeline", PACKAGE).functions([
        relay::relay(),
        relay::redrive(),
        projectors::sweep(&SERVICES, waiting::tell),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_functions_and_a_domain() {
        let mut of_functions: Vec<_> = domains().iter().map(|service| service.name).collect();
        of_functions.sort_unstable();
        assert_eq!(
            of_functions,
            SERVICES.map(|service| service.name),
            "a service is a line in `domains()` and one in `headwater_services::SERVICES`"
        );
    }

    #[test]
    fn each_service_projects_and_tells_of_its_changes() {
        for service in domains() {
            for wanted in ["project", "changes", "execute"] {
                let name = format!("{}-{wanted}", service.name);
                assert!(
                    service.functions.iter().any(|function| function.name == name),
                    "{name} is missing: add it to the service's table"
                );
            }
        }
    }

    #[test]
    fn a_function_has_one_name_and_a_route_one_function() {
        let services = services();
        let functions: Vec<_> = services.iter().flat_map(|service| &service.functions).collect();
        let mut seen = std::collections::BTreeSet::new();
        for function in functions {
            assert!(seen.insert(function.name.clone()), "{} is there twice", function.name);
            if let Some(call) = function.call() {
                let route = format!("{} {}", call.method, call.path);
                assert!(seen.insert(route.clone()), "{route} is there twice");
            }
        }
    }
}
