use headwater::{Projection, StreamName, projection_fn};
use headwater_dynamodb::PageRequest;
use headwater_lambda::{Answer, App, Problem, Request};
use invoicing::{DOMAIN, PROJECTIONS};
use serde::Serialize;

/// Which part of which list.
#[derive(Default)]
pub(super) struct Part {
    /// The list.
    pub(super) index: String,
    /// Only what has this order.
    pub(super) exact_order: Option<String>,
    /// Only what stands after this place.
    pub(super) after: Option<String>,
    /// Only what has this order, or stands before it.
    pub(super) up_to_order: Option<String>,
}

/// A page of a part of a list, each thing shown by its stream, version and row.
pub(super) async fn list<P: Projection, View: Serialize>(
    app: &App,
    request: &Request,
    part: Part,
    show: impl Fn(&StreamName, u64, P) -> View,
) -> Result<Answer, Problem> {
    let position = app.feed_head(request, DOMAIN).await?;
    let overlay = app.overlay(request, &PROJECTIONS).await?;
    let cursor = request.cursor()?;
    let wanted = PageRequest {
        tenant: request.tenant(),
        index: &part.index,
        projection: &projection_fn::<P>(),
        exact_order: part.exact_order.as_deref(),
        after: cursor.after().max(part.after.as_deref()),
        up_to_order: part.up_to_order.as_deref(),
        limit: request.limit()?,
        overlay: overlay.as_ref(),
        keep: &|_| true,
    };
    let page = app.views(request)?.page(wanted).await?;
    let mut items = Vec::with_capacity(page.rows.len());
    for (stream, row) in &page.rows {
        items.push(show(stream, row.version, row.read().map_err(Problem::internal)?));
    }
    Answer::page(request, Some(position), &items, request.cursor_after(page.next)?)
}
