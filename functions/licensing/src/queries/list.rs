use headwater::{Part, part_fn};
use headwater_dynamodb::PageRequest;
use headwater_lambda::{Answer, App, Problem, Request};
use licensing::{DOMAIN, PROJECTIONS};
use serde::Serialize;

/// A page of a list of a customer's licences or devices, each shown by its id and row.
///
/// `up_to_order` ends the list with the things of that order.
pub(super) async fn list<P: Part, View: Serialize>(
    app: &App,
    request: &Request,
    index: &str,
    up_to_order: Option<&str>,
    show: fn(&str, P) -> View,
) -> Result<Answer, Problem> {
    let position = app.feed_head(request, DOMAIN).await?;
    let overlay = app.overlay(request, &PROJECTIONS).await?;
    let cursor = request.cursor()?;
    let wanted = PageRequest {
        tenant: request.tenant(),
        index,
        projection: &part_fn::<P>(),
        exact_order: None,
        after: cursor.after(),
        up_to_order,
        limit: request.limit()?,
        overlay: overlay.as_ref(),
        keep: &|_| true,
    };
    let page = app.views(request)?.page(wanted).await?;
    let mut items = Vec::with_capacity(page.rows.len());
    for (name, row) in &page.rows {
        items.push(show(name.id(), row.read().map_err(Problem::internal)?));
    }
    Answer::page(request, Some(position), &items, request.cursor_after(page.next)?)
}
