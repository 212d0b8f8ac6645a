//! The debug dump of a customer.

mod logged;
mod unlogged;

use std::collections::BTreeMap;

use headwater::{Commit, StreamName};
use headwater_dynamodb::ReadError;
use headwater_lambda::problem::MALFORMED;
use headwater_lambda::{Answer, Call, EventView, Function, Page, Problem, Request};
use licensing::{DOMAIN, customer};
use serde::Serialize;
use utoipa::ToSchema;

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

/// Where a page goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct After {
    /// Behind this place; at the beginning if there is none.
    place: Option<Place>,
    /// The customer's own events are behind this number.
    own: u64,
}

/// What was read for a page.
#[derive(Default)]
struct Read {
    events: BTreeMap<Place, CustomerEventView>,
    /// Up to this place nothing is missing; nothing at all if there is none.
    whole_to: Option<Place>,
}

/// `GET /licensing/customers/{id}/events`: everything that ever happened to a customer, oldest
/// first.
///
/// The customer's own stream is in order. What was played stands in the customer's log, as far as
/// the projector has got, or as far as the request's tokens demand. So a page opens only streams
/// that have something in its time. Where the log is not whole, all streams are read.
pub(crate) fn customer_events() -> Function {
    let path = "/licensing/customers/{id}/events";
    let call = Call::list::<CustomerEventView>(
        "licensing-customer-events",
        path,
        "Everything that ever happened to a customer.",
    );
    Function::http(call.operator(), |app, request| async move {
        let (limit, after) = (request.limit()?, After::of(&request)?);
        let customer = customer::stream(request.tenant(), request.path("id"))?;
        let (store, views) = (app.store(&request)?, app.views(&request)?);
        app.wait_for_feeds(&request).await?;
        let position = app.position_of_list(&request, DOMAIN).await?;
        let head = store.head(&customer).await?;
        if head == 0 {
            return Err(Problem::not_found("such customer"));
        }
        let named = request.positions()?;
        if named.iter().any(|named| named.stream == customer && named.version > head) {
            return Err(ReadError::Ahead { stream: customer, head }.into());
        }
        let read = if views.log_is_whole(&customer).await? {
            let wanted = logged::Wanted { customer: &customer, head, after: &after, limit, named };
            wanted.read(&store, &views).await?
        } else {
            unlogged::read(&store, &customer).await?
        };
        let (items, next) = page(read, &customer, &after, limit);
        let items = items.into_iter().map(|(place, view)| (place.to_text(), view));
        Answer::page(&request, position, Page::of(items, next.map(|next| next.to_text()))?)
    })
}

/// At most `limit` of the events after a place, each with where to go on behind it; and where to go
/// on behind all that was read.
fn page(
    Read { mut events, whole_to }: Read,
    customer: &StreamName,
    after: &After,
    limit: usize,
) -> (Vec<(After, CustomerEventView)>, Option<After>) {
    let own = customer.within_tenant();
    if let Some(whole_to) = &whole_to {
        events.retain(|place, _| place <= whole_to);
    }
    let mut reached = after.clone();
    let mut items = Vec::new();
    let mut goes_on = false;
    for (place, view) in events {
        if after.place.as_ref().is_none_or(|after| place > *after) {
            goes_on = items.len() == limit;
            if goes_on {
                break;
            }
            reached.take(place, own);
            items.push((reached.clone(), view));
        } else {
            // An older build's cursor does not say how far the customer's own events are shown.
            reached.own = reached.own.max(if place.stream == own { place.number } else { 0 });
        }
    }
    if !goes_on && let Some(whole_to) = whole_to {
        goes_on = true;
        reached.place = reached.place.max(Some(whole_to));
    }
    (items, goes_on.then_some(reached))
}

/// The events of commits, each at its place.
fn placed(commits: &[Commit]) -> impl Iterator<Item = (Place, CustomerEventView)> {
    commits.iter().flat_map(|commit| {
        let stream = commit.stream.within_tenant().to_owned();
        EventView::of(commit).into_iter().map(move |event| {
            let (stream, number) = (stream.clone(), event.number);
            let place = Place { at: event.at.as_millisecond(), stream: stream.clone(), number };
            (place, CustomerEventView { stream, event })
        })
    })
}

impl After {
    fn of(request: &Request) -> Result<Self, Problem> {
        let cursor = request.cursor()?;
        let Some(text) = cursor.after() else { return Ok(Self::default()) };
        Self::parse(text).ok_or_else(|| Problem::new(&MALFORMED, "`cursor` is one of another list"))
    }

    /// Goes on to a place; `own` is the customer's stream.
    fn take(&mut self, place: Place, own: &str) {
        if place.stream == own {
            self.own = place.number;
        }
        self.place = Some(place);
    }

    fn to_text(&self) -> String {
        let Self { place, own } = self;
        place.as_ref().map_or_else(String::new, |Place { at, stream, number }| {
            format!("{at} {number} {stream} {own}")
        })
    }

    /// A build before this one left `own` out.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (at, number, stream) = (parts.next()?, parts.next()?, parts.next()?);
        let own = parts.next().map_or(Some(0), |own| own.parse().ok())?;
        let place =
            Place { at: at.parse().ok()?, stream: stream.to_owned(), number: number.parse().ok()? };
        Some(Self { place: Some(place), own }).filter(|_| parts.next().is_none())
    }
}

#[cfg(test)]
mod tests;
