use std::time::{Duration, Instant};

use headwater_dynamodb::StoreError;
use headwater_lambda::deployment::HISTORY;
use headwater_lambda::{Answer, Call, EventView, Function, Page, Problem, Shape};

use crate::stream;

/// How long the events table may take to say where the stream ends.
const SOON: Duration = Duration::from_secs(3);

/// `GET /events/{stream+}`: every event of a stream, oldest first.
pub(crate) fn read_events() -> Function {
    let call = Call::list::<EventView>(
        "read-events",
        "/events/{stream+}",
        "Every event of a stream, oldest first.",
    );
    let call = call
        .param("after", Shape::version(), "The number of the event after which to go on.")
        .operator();
    Function::http(call, |app, request| async move {
        let stream = stream(&request)?;
        let limit = request.limit()?;
        let after = request.cursor()?.number()?.or(request.number("after")?).unwrap_or(0);
        let store = app.store(&request)?;
        let events = EventView::after(&store, &stream, after, limit).await?;
        let soon = request.deadline.min(Instant::now() + SOON);
        let head = match store.within(soon).head(&stream).await {
            // The archive had events: of those that only the table has, there may be more.
            Err(StoreError::Unavailable(_)) if !events.is_empty() => u64::MAX,
            head => head?,
        };
        if head == 0 {
            return Err(Problem::not_found("such stream"));
        }
        let goes_on = events.last().is_some_and(|event| event.number < head);
        let next = events.last().filter(|_| goes_on).map(|event| event.number.to_string());
        let events = events.into_iter().map(|event| (event.number.to_string(), event));
        Answer::page(&request, None, Page::of(events, next)?)
    })
    .role(&HISTORY)
}
