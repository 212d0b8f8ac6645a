use headwater_lambda::{Answer, Call, Function};
use serde::Serialize;
use utoipa::ToSchema;

use crate::DOMAINS;

/// A stream and how far it has got.
#[derive(Serialize, ToSchema)]
struct StreamView {
    /// Its name without the tenant.
    stream: String,
    /// The number of its last event that the change feed has told of.
    version: u64,
}

/// `GET /streams?prefix=identity/users/`: the streams whose names begin so, in order of name.
pub fn list_streams() -> Function {
    let call = Call::list::<StreamView>("list-streams", "/streams", "Streams with their versions, in order of name.");
    let call = call.param("prefix", "The beginning of the names, as `identity/users/`; all if absent.").operator();
    Function::http(call, |app, request| async move {
        let prefix = request.query("prefix").unwrap_or_default();
        let (limit, cursor) = (request.limit()?, request.cursor()?);
        let feed = app.feed(&request)?;
        let mut streams = Vec::new();
        for domain in DOMAINS {
            let Some(part) = part(domain, prefix, cursor.after()) else { continue };
            // One more than is shown tells whether there are more.
            let wanted = limit + 1 - streams.len();
            if wanted > 0 {
                streams.extend(feed.streams(request.tenant(), domain, part.prefix, part.after, wanted).await?);
            }
        }
        let goes_on = streams.len() > limit;
        streams.truncate(limit);
        let last = streams.last().filter(|_| goes_on).map(|(stream, _)| stream.within_tenant().to_owned());
        let items = streams.into_iter().map(|(stream, version)| StreamView { stream: stream.within_tenant().to_owned(), version });
        Answer::page(&request, None, &items.collect::<Vec<_>>(), request.cursor_after(last)?)
    })
}

/// What is wanted of one domain's streams, named without the domain.
#[derive(Debug, PartialEq)]
struct Part<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
}

/// What is wanted of a domain where names begin with `prefix` and come after `after`; nothing if it has none of these.
fn part<'a>(domain: &str, prefix: &'a str, after: Option<&'a str>) -> Option<Part<'a>> {
    let within = |name: &'a str| name.strip_prefix(domain)?.strip_prefix('/');
    let prefix = match within(prefix) {
        Some(prefix) => prefix,
        None if domain.starts_with(prefix) => "",
        None => return None,
    };
    match after {
        Some(after) if within(after).is_none() && after > domain => None,
        after => Some(Part { prefix, after: after.and_then(within) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_may_end_anywhere_and_a_page_in_any_domain() {
        let some = |prefix, after| Some(Part { prefix, after });
        for (prefix, after, expected) in [
            ("", None, some("", None)),
            ("ident", None, some("", None)),
            ("identity", None, some("", None)),
            ("identity/", None, some("", None)),
            ("identity/users/1", None, some("users/1", None)),
            ("identityx", None, None),
            ("licensing/", None, None),
            ("", Some("identity/users/1"), some("", Some("users/1"))),
            ("", Some("billing/x/1"), some("", None)),
            ("", Some("licensing/x/1"), None),
        ] {
            assert_eq!(part("identity", prefix, after), expected, "{prefix} {after:?}");
        }
    }
}
