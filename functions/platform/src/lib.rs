//! The list of services.

use headwater_functions::with_shared;
use headwater_lambda::Service;

/// The services that are about something. A new one is a line here.
fn own() -> Vec<Service> {
    vec![
        identity_functions::service(),
        licensing_functions::service(),
        invoicing_functions::service(),
    ]
}

/// All that is deployed: the services, and what they share.
pub fn services() -> Vec<Service> {
    with_shared(own(), env!("CARGO_PKG_NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_projects_and_tells_of_its_changes() {
        for service in own() {
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
