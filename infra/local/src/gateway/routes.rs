//! The routing table: which route, and with it which function, a request goes to.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template::{DEFAULT_ROUTE, Function, Route};

/// All routes, the most specific first.
#[derive(Debug, Default)]
pub(super) struct Routes(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    segments: Vec<Segment>,
    route: Route,
    function: String,
}

/// A part of a route's path. The order is the order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    /// `{name}`: any one segment.
    Parameter(String),
    /// `{name+}`: all that is left, at least one segment.
    Greedy(String),
    /// The route `$default`: any path at all.
    Any,
}

/// A route that fits a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match<'a> {
    pub(super) route: &'a Route,
    pub(super) function: &'a str,
    /// The path's parameters, decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(super) fn new(functions: &[Function]) -> Self {
        let mut entries: Vec<Entry> = functions
            .iter()
            .flat_map(|function| function.routes.iter().map(move |route| (function, route)))
            .map(|(function, route)| Entry {
                segments: segments(&route.path),
                route: route.clone(),
                function: function.name.clone(),
            })
            .collect();
        // Literal before parameter before greedy, segment by segment; a named method before ANY.
        entries.sort_by_cached_key(|entry| {
            let ranks: Vec<u8> = entry.segments.iter().map(Segment::rank).collect();
            (ranks, entry.route.method == "ANY")
        });
        Self(entries)
    }

    /// The route for a request; `path` is still percent-encoded.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        self.0
            .iter()
            .filter(|entry| entry.route.method == method || entry.route.method == "ANY")
            .find_map(|entry| {
                let parameters = fit(&entry.segments, &parts)?;
                Some(Match { route: &entry.route, function: &entry.function, parameters })
            })
    }
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Parameter(_) => 1,
            Self::Greedy(_) => 2,
            Self::Any => 3,
        }
    }
}

fn segments(path: &str) -> Vec<Segment> {
    if path == DEFAULT_ROUTE {
        return vec![Segment::Any];
    }
    path.trim_start_matches('/').split('/').map(segment).collect()
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => Segment::Literal(text.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Greedy(name.to_owned()),
            None => Segment::Parameter(name.to_owned()),
        },
    }
}

/// The parameters, if the parts of a path fit the segments of a route.
fn fit(segments: &[Segment], parts: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut parts = parts.iter();
    for segment in segments {
        match segment {
            Segment::Literal(literal) if decode(parts.next()?) == *literal => {}
            Segment::Literal(_) => return None,
            Segment::Parameter(name) => {
                let value = parts.next().filter(|part| !part.is_empty())?;
                parameters.insert(name.clone(), decode(value));
            }
            Segment::Greedy(name) => {
                let rest: Vec<&str> = parts.by_ref().copied().collect();
                let rest = Some(rest.join("/")).filter(|rest| !rest.is_empty())?;
                parameters.insert(name.clone(), decode(&rest));
            }
            Segment::Any => parts.by_ref().for_each(drop),
        }
    }
    parts.next().is_none().then_some(parameters)
}

/// Percent-decodes text; invalid UTF-8 becomes replacement characters.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn routes(list: &[(&str, &str)]) -> Routes {
        let functions: Vec<Function> = list
            .iter()
            .map(|(method, path)| {
                let route = Route {
                    method: (*method).to_owned(),
                    path: (*path).to_owned(),
                    authorized: true,
                    timeout: Duration::from_secs(30),
                };
                Function::for_test(&format!("{method} {path}"), vec![route])
            })
            .collect();
        Routes::new(&functions)
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&[
            ("GET", "/events/{stream+}"),
            ("ANY", "/users/{id}"),
            ("GET", "/users/{id}"),
            ("GET", "/users/me"),
            ("PUT", "/groups/{id}/members/{userId}"),
            ("GET", "/users"),
        ]);
        for (method, path, expected) in [
            ("GET", "/users", Some("GET /users")),
            ("GET", "/users/", None),
            ("POST", "/users", None),
            ("GET", "/users/me", Some("GET /users/me")),
            ("GET", "/users/7", Some("GET /users/{id}")),
            ("PATCH", "/users/7", Some("ANY /users/{id}")),
            ("DELETE", "/users/me", Some("ANY /users/{id}")),
            ("GET", "/users/7/audit", None),
            ("PUT", "/groups/g/members/u", Some("PUT /groups/{id}/members/{userId}")),
            ("GET", "/events", None),
            ("GET", "/events/", None),
            ("GET", "/events/identity/users/7", Some("GET /events/{stream+}")),
            ("GET", "/", None),
        ] {
            let found = routes.find(method, path).map(|m| m.function);
            assert_eq!(found, expected, "{method} {path}");
        }
    }

    #[test]
    fn the_default_route_takes_what_no_other_takes() {
        let routes =
            routes(&[("ANY", DEFAULT_ROUTE), ("GET", "/events/{stream+}"), ("GET", "/users/{id}")]);
        for (method, path, expected) in [
            ("GET", "/users/7", "GET /users/{id}"),
            ("HEAD", "/users/7", "ANY $default"),
            ("GET", "/events/a/b", "GET /events/{stream+}"),
            ("GET", "/events", "ANY $default"),
            ("POST", "/", "ANY $default"),
            ("OPTIONS", "*", "ANY $default"),
        ] {
            assert_eq!(
                routes.find(method, path).map(|found| found.function),
                Some(expected),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = routes(&[("PUT", "/g/{id}/m/{userId}"), ("GET", "/e/{stream+}")]);
        let found = routes.find("PUT", "/g/a%20b/m/%C3%A4").unwrap();
        let expected = [("id", "a b"), ("userId", "ä")];
        assert!(found.parameters.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(expected));
        let found = routes.find("GET", "/e/identity/users/7").unwrap();
        assert_eq!(found.parameters["stream"], "identity/users/7");
    }
}
