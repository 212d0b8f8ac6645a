//! The functions that services share: the pipeline from the events table to the views and the
//! change feeds, and the calls on any stream.
//!
//! A service names two of them in its table, [`changes`] and [`project`]. [`with_shared`] adds the
//! others once for all services of a system.

mod amend;
mod archive;
mod certificate;
mod changes;
mod events;
mod export;
mod no_such_call;
mod openapi;
mod problems;
mod project;
mod redrive;
mod relay;
mod states;
mod streams;
mod sweep;

use headwater::{Aggregate, Domain, StreamName};
use headwater_lambda::deployment::UNIQUE_KEY;
use headwater_lambda::{Call, Function, Problem, Request, Service, domains};

pub use certificate::certificate;
pub use changes::changes;
pub use export::export;
pub use project::project;
#[doc(hidden)]
pub use project::project_batch;
#[doc(hidden)]
pub use relay::relay_batch;

use problems::pages;

/// All that is deployed: these services, and what they share. `package` is the one whose executable
/// holds what they share.
///
/// ```
/// use headwater::Domain;
/// use headwater_functions::{changes, project, with_shared};
/// use headwater_lambda::Service;
///
/// static SHOP: Domain = Domain::new("shop", &[], &[]);
///
/// let shop = Service::new(&SHOP, "shop").functions([changes("shop"), project(&SHOP)]);
/// let services = with_shared(vec![shop], "shop");
/// let names: Vec<_> = services.iter().map(|service| service.name).collect();
/// assert_eq!(names, ["shop", "common", "pipeline"]);
/// let paths: Vec<_> = services[1].calls().map(|call| call.path.as_str()).collect();
/// assert!(paths.contains(&"/events/{stream+}") && paths.contains(&"/openapi.json"));
/// ```
pub fn with_shared(services: Vec<Service>, package: &'static str) -> Vec<Service> {
    let shared = shared(&services, package);
    services.into_iter().chain(shared).collect()
}

/// What these services share.
fn shared(services: &[Service], package: &'static str) -> [Service; 2] {
    let domains = domains(services);
    let forgets = domains.iter().any(Domain::forgets);
    let with_keys = |function: Function| if forgets { function.opens_personal() } else { function };
    let common = Service::shared("common", package).functions([
        streams::list_streams(domains.clone()),
        with_keys(events::read_events()),
        with_keys(amend::amend_stream(domains.clone(), have_unique_values(services))),
        with_keys(states::read_states(domains.clone())),
        problems::problems(pages(services)),
    ]);
    let openapi = openapi::openapi(calls(services.iter().chain([&common])));
    let common = common.functions([openapi]);
    let all = calls(services.iter().chain([&common]));
    let common = common.functions([no_such_call::no_such_call(all)]);
    let pipeline = Service::shared("pipeline", package).functions([
        relay::relay(),
        redrive::redrive(services),
        with_keys(sweep::sweep(domains.clone())),
        archive::archive(domains),
    ]);
    [common, pipeline]
}

/// Whether a function of these services claims unique values.
fn have_unique_values(services: &[Service]) -> bool {
    let mut functions = services.iter().flat_map(|service| &service.functions);
    functions.any(|function| function.environment().contains(&UNIQUE_KEY))
}

/// The calls of these services.
fn calls<'a>(services: impl IntoIterator<Item = &'a Service>) -> Vec<Call> {
    services.into_iter().flat_map(|service| service.calls().cloned()).collect()
}

/// The stream that the path names, within the caller's tenant.
fn stream(request: &Request) -> Result<StreamName, Problem> {
    Ok(format!("{}/{}", request.tenant(), request.path("stream")).parse()?)
}

/// The stream of the thing that the path names.
fn subject<A: Aggregate>(request: &Request) -> Result<StreamName, Problem> {
    Ok(StreamName::new(request.tenant(), A::DOMAIN, A::CATEGORY, request.path("id"))?)
}
