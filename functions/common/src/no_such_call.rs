use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_lambda::problem::METHOD_NOT_ALLOWED;
use headwater_lambda::{Call, Function, Problem};

/// Whatever no other call takes: 405 with `Allow` where the path has other methods, else 404.
pub(crate) fn no_such_call(calls: Vec<Call>) -> Function {
    let calls = Arc::new(calls);
    Function::http(Call::fallback("no-such-call"), move |_, request| {
        let calls = Arc::clone(&calls);
        async move { Err(why_not(&calls, &request.method, &request.raw_path)) }
    })
}

fn why_not(calls: &[Call], method: &str, path: &str) -> Problem {
    let mut methods: BTreeSet<&str> =
        calls.iter().filter(|call| call.has_path(path)).map(|call| call.method).collect();
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    // The gateway takes a path apart before it decodes it, so one with an encoded slash looks here
    // as if it had this method.
    if methods.is_empty() || methods.contains(method) {
        return Problem::not_found("such call");
    }
    let allowed = methods.into_iter().collect::<Vec<_>>().join(", ");
    Problem::new(&METHOD_NOT_ALLOWED, format!("{path} has no {method}")).header("allow", allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_methods() {
        let calls = [
            Call::list::<String>("f", "/identity/users", "s"),
            Call::command("f", "POST", "/identity/users", "s"),
            Call::entity::<String>("f", "/identity/users/{id}", "s"),
            Call::command("f", "PATCH", "/identity/users/{id}", "s"),
            Call::command("f", "DELETE", "/identity/users/{id}", "s"),
            Call::command("f", "POST", "/identity/users/{id}/deactivate", "s"),
            Call::list::<String>("f", "/events/{stream+}", "s"),
            Call::public("f", "/openapi.json", "s"),
            Call::command("f", "POST", "/invoicing/execute", "s"),
        ];
        for (method, path, expected) in [
            ("DELETE", "/identity/users", Some("GET, HEAD, POST")),
            ("OPTIONS", "/identity/users/7", Some("DELETE, GET, HEAD, PATCH")),
            ("HEAD", "/identity/users/7/deactivate", Some("POST")),
            ("PUT", "/events/identity/users/7", Some("GET, HEAD")),
            ("POST", "/openapi.json", Some("GET, HEAD")),
            ("BREW", "/invoicing/execute", Some("POST")),
            ("GET", "/identity/nothing", None),
            ("GET", "/identity/users/", None),
            ("GET", "/", None),
            ("GET", "/identity/users/7", None),
        ] {
            let answer = why_not(&calls, method, path).answer();
            let allow = answer
                .headers
                .iter()
                .find(|(name, _)| name == "allow")
                .map(|(_, value)| value.as_str());
            assert_eq!(
                (answer.status, allow),
                (if expected.is_some() { 405 } else { 404 }, expected),
                "{method} {path}"
            );
        }
    }
}
