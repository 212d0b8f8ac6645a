//! The debug dump of a customer.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use headwater::{Commit, Part, StreamName, decode};
use headwater_dynamodb::EventStore;
use headwater_lambda::deployment::HISTORY;
use headwater_lambda::problem::MALFORMED;
use headwater_lambda::{Answer, Call, EventView, Function, Page, Problem, Request};
use licensing::{CustomerEvent, LicenseRow, customer, playback};
use serde::Serialize;
use utoipa::ToSchema;

/// How many streams are read at once.
const AT_ONCE: usize = 16;

/// An event of one of a customer's streams.
#[derive(Serialize, ToSchema)]
struct CustomerEventView {
    /// The stream, without the tenant.
    stream: String,
    #[serde(flatten)]
    event: EventView,
}

/// Where an event stands in the dump: by time, then the customer's own stream before those of
/// playback, then by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// In milliseconds since the epoch.
    at: i64,
    /// Without the tenant. That of a customer begins the names of those of playback, so it sorts
    /// before them.
    stream: String,
    number: u64,
}

/// `GET /licensing/customers/{id}/events`: everything that ever happened to a customer, oldest
/// first.
pub(crate) fn customer_events() -> Function {
    let path = "/licensing/customers/{id}/events";
    let call = Call::list::<CustomerEventView>(
        "licensing-customer-events",
        path,
        "Everything that ever happened to a customer.",
    );
    Function::http(call.operator(), |app, request| async move {
        let (limit, after) = (request.limit()?, after(&request)?);
        let stream = customer::stream(request.tenant(), request.path("id"))?;
        let store = app.store(&request)?;
        let mut commits = store.commits_after(&stream, 0).await?;
        if commits.is_empty() {
            return Err(Problem::not_found("such customer"));
        }
        commits.extend(playback_of(&store, &stream, &commits).await?);
        let mut events = merge(&commits, after.as_ref());
        let goes_on = events.len() > limit;
        events.truncate(limit);
        let next = events.last().filter(|_| goes_on).map(|(place, _)| place.to_text());
        let items = events.into_iter().map(|(place, view)| (place.to_text(), view));
        Answer::page(&request, None, Page::of(items, next)?)
    })
    .role(&HISTORY)
}

/// All commits on playback of all licences that a customer ever had.
async fn playback_of(
    store: &EventStore,
    customer: &StreamName,
    commits: &[Commit],
) -> Result<Vec<Commit>, Problem> {
    let streams = licenses(commits)?
        .into_iter()
        .map(|id| Ok(playback::stream(customer.tenant(), customer.id(), &id)?));
    let streams = streams.collect::<Result<Vec<_>, Problem>>()?;
    let reads =
        streams.into_iter().map(|stream| async move { store.commits_after(&stream, 0).await });
    let histories: Vec<Vec<Commit>> =
        stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(histories.into_iter().flatten().collect())
}

/// The ids of all licences that a customer's history names.
fn licenses(commits: &[Commit]) -> Result<BTreeSet<String>, Problem> {
    let mut ids = BTreeSet::new();
    for event in commits.iter().flat_map(|commit| &commit.events) {
        let event: CustomerEvent = decode(event)?;
        ids.extend(LicenseRow::id(&event).map(str::to_owned));
    }
    Ok(ids)
}

/// The events of all these commits after a place, in order.
fn merge(commits: &[Commit], after: Option<&Place>) -> Vec<(Place, CustomerEventView)> {
    let view = |commit: &Commit| {
        let stream = commit.stream.within_tenant().to_owned();
        EventView::of(commit).into_iter().map(move |event| {
            let place = Place {
                at: event.at.as_millisecond(),
                stream: stream.clone(),
                number: event.number,
            };
            (place, CustomerEventView { stream: stream.clone(), event })
        })
    };
    let mut events: Vec<_> = commits
        .iter()
        .flat_map(view)
        .filter(|(place, _)| after.is_none_or(|after| place > after))
        .collect();
    events.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    events
}

fn after(request: &Request) -> Result<Option<Place>, Problem> {
    let cursor = request.cursor()?;
    let Some(text) = cursor.after() else { return Ok(None) };
    Place::parse(text)
        .map(Some)
        .ok_or_else(|| Problem::new(&MALFORMED, "`cursor` is one of another list"))
}

impl Place {
    fn to_text(&self) -> String {
        format!("{} {} {}", self.at, self.number, self.stream)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let (at, number, stream) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { at: at.parse().ok()?, stream: stream.to_owned(), number: number.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn commit(stream: &str, first: u64, at: &str, events: usize) -> Commit {
        let events: Vec<_> = (first..)
            .take(events)
            .map(|number| json!({ "number": number, "type": "A", "version": 1, "data": {} }))
            .collect();
        let metadata = json!({
            "commitId": "01936f0e-0000-7000-8000-000000000000",
            "command": "C",
            "actor": "ada",
            "correlationId": "c",
        });
        serde_json::from_value(json!({
            "stream": stream,
            "first": first,
            "at": at,
            "metadata": metadata,
            "events": events,
        }))
        .unwrap()
    }

    /// (stream, number) of each event.
    fn order(events: &[(Place, CustomerEventView)]) -> Vec<(&str, u64)> {
        events.iter().map(|(place, _)| (place.stream.as_str(), place.number)).collect()
    }

    #[test]
    fn events_are_merged_by_time_with_the_customers_own_first() {
        let (early, late) = ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.001Z");
        let commits = [
            commit("acme/licensing/customers/7", 1, early, 2),
            commit("acme/licensing/customers/7", 3, late, 1),
            commit("acme/licensing/customers/7/playback/b", 1, early, 1),
            commit("acme/licensing/customers/7/playback/a", 1, early, 1),
            commit("acme/licensing/customers/7/playback/a", 2, late, 1),
        ];
        let customer = "licensing/customers/7";
        let (a, b) = ("licensing/customers/7/playback/a", "licensing/customers/7/playback/b");
        let all = merge(&commits, None);
        assert_eq!(
            order(&all),
            [(customer, 1), (customer, 2), (a, 1), (b, 1), (customer, 3), (a, 2)]
        );
        for (index, (place, _)) in all.iter().enumerate() {
            let place = Place::parse(&place.to_text()).unwrap();
            assert_eq!(
                order(&merge(&commits, Some(&place))),
                order(&all)[index + 1..],
                "a page goes on where the last one ended"
            );
        }
        assert_eq!(Place::parse("elsewhere"), None);
    }
}
