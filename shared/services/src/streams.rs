use headwater::{Domains, StreamName};
use headwater_dynamodb::{Feed, StoreError};

/// The streams of a tenant, with the versions that the change feeds have got to. Their names,
/// without the tenant, begin with `prefix` (as `identity/users/`) and come after `after`: at most
/// `limit`, in order of name. Streams of unique values and of sequences are not among them.
///
/// ```
/// use headwater::{Domains, StreamName};
/// use headwater_dynamodb::{Feed, StoreError};
/// use headwater_services::list_streams;
///
/// async fn tills(domains: &Domains, feed: &Feed) -> Result<Vec<StreamName>, StoreError> {
///     let tills = list_streams(domains, feed, "acme", "shop/tills/", None, 100).await?;
///     Ok(tills.into_iter().map(|(stream, _version)| stream).collect())
/// }
/// ```
///
/// # Errors
/// [`StoreError`].
pub async fn list_streams(
    domains: &Domains,
    feed: &Feed,
    tenant: &str,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(StreamName, u64)>, StoreError> {
    let mut streams = Vec::new();
    for service in domains.iter() {
        let Some(part) = part(service.name, prefix, after) else { continue };
        let wanted = limit - streams.len();
        if wanted > 0 {
            streams
                .extend(feed.streams(tenant, service.name, part.prefix, part.after, wanted).await?);
        }
    }
    Ok(streams)
}

/// What is wanted of one domain's streams, named without the domain.
#[derive(Debug, PartialEq)]
struct Part<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
}

/// What is wanted of a domain where names begin with `prefix` and come after `after`; nothing if it
/// has none of these.
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
