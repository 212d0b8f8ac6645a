//! Lists: a page of things in the list's order, as fresh as the request's tokens demand.

use headwater::{
    FeedPosition, Part, Projection, ProjectionFn, Row, StreamName, part_fn, projection_fn,
};
use headwater_dynamodb::{Listed, PageRequest};
use serde::Serialize;

use crate::{Answer, App, Page, Problem, Request};

/// Part of a list of a domain, and what folds the things in it.
///
/// ```
/// # mod till {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/till.rs"));
/// # }
/// # use till::*;
/// use headwater::{ProjectionFn, projection_fn};
/// use headwater_lambda::{Answer, App, List, Problem, Request};
/// use serde_json::json;
///
/// static ROWS: [ProjectionFn; 1] = [projection_fn::<TillRow>()];
///
/// /// All tills that are not empty.
/// async fn filled(app: &App, request: &Request) -> Result<Answer, Problem> {
///     let is_filled = |till: &TillRow| till.cents > 0;
///     let list = List { keep: Some(&is_filled), ..List::new("shop", &ROWS, "tills") };
///     app.list(request, list, |till, version, row: TillRow| {
///         json!({ "id": till.id(), "version": version, "cents": row.cents })
///     })
///     .await
/// }
/// ```
pub struct List<'a, P> {
    /// The domain's name, whose feed says how far the list has got.
    pub domain: &'static str,
    /// The domain's projections, for what the request's tokens name.
    pub projections: &'static [ProjectionFn],
    /// That of the things in the list.
    pub projection: ProjectionFn,
    /// Which list, as `users` or `members/7`.
    pub index: &'a str,
    /// Only things whose order is this one.
    pub exact_order: Option<&'a str>,
    /// Where to look instead, one after the other, as long as nothing was found: a list, and an
    /// order in it.
    pub otherwise: &'a [(&'a str, &'a str)],
    /// Only things that stand after this place.
    pub after: Option<&'a str>,
    /// Only things of this order, or that stand before it.
    pub up_to_order: Option<&'a str>,
    /// Only things of which this is true.
    pub keep: Option<&'a (dyn Fn(&P) -> bool + Send + Sync)>,
}

impl<'a, P: Projection> List<'a, P> {
    /// A whole list.
    pub fn new(domain: &'static str, projections: &'static [ProjectionFn], index: &'a str) -> Self {
        let projection = projection_fn::<P>();
        Self {
            domain,
            projections,
            projection,
            index,
            exact_order: None,
            otherwise: &[],
            after: None,
            up_to_order: None,
            keep: None,
        }
    }
}

impl<'a, P: Part> List<'a, P> {
    /// A whole list of parts of streams.
    pub fn of_parts(
        domain: &'static str,
        projections: &'static [ProjectionFn],
        index: &'a str,
    ) -> Self {
        Self { projection: part_fn::<P>(), ..Self::new(domain, projections, index) }
    }
}

impl App {
    /// Answers with the page of a list that the request's `limit`, `cursor` and tokens ask for,
    /// each thing shown by its stream, version and row. The page may be short, or empty, and say
    /// where to go on all the same.
    ///
    /// Without a token of the request the rows are read as they are, eventually consistent. Then
    /// the answer has no token either: it may lack what the change feed has told of already.
    ///
    /// # Errors
    /// 400 if `cursor` or a token cannot be read or is ahead of its stream, 503 if a row cannot be
    /// brought up to it.
    pub async fn list<P: Projection, View: Serialize>(
        &self,
        request: &Request,
        list: List<'_, P>,
        show: impl Fn(&StreamName, u64, P) -> View,
    ) -> Result<Answer, Problem> {
        let position = self.position_of_list(request, list.domain).await?;
        let overlay = self.overlay(request, list.projections).await?;
        let cursor = request.cursor()?;
        let wanted = PageRequest {
            tenant: request.tenant(),
            index: list.index,
            projection: &list.projection,
            exact_order: list.exact_order,
            after: cursor.after().max(list.after),
            up_to_order: list.up_to_order,
            limit: request.limit()?,
            overlay: overlay.as_ref(),
            keep: &|row: &Row| {
                list.keep.is_none_or(|keep| row.read().is_ok_and(|thing| keep(&thing)))
            },
        };
        let views = self.views(request)?;
        let mut page = views.page(wanted).await?;
        for (index, order) in list.otherwise {
            // Only once all of a list was looked through.
            if page.rows.is_empty() && page.next.is_none() && wanted.after.is_none() {
                page =
                    views.page(PageRequest { index, exact_order: Some(order), ..wanted }).await?;
            }
        }
        let mut items = Vec::with_capacity(page.rows.len());
        for Listed { place, stream, row } in page.rows {
            items.push((place, show(&stream, row.version, row.read().map_err(Problem::internal)?)));
        }
        Answer::page(request, position, Page::of(items, page.next)?)
    }

    /// How far the domain's change feed has got, for a list that is then read strongly since the
    /// request has tokens: what its rows show is this or newer. Nothing for any other.
    ///
    /// # Errors
    /// 400 if a token cannot be read, 503 if the feed cannot be.
    pub async fn position_of_list(
        &self,
        request: &Request,
        domain: &str,
    ) -> Result<Option<FeedPosition>, Problem> {
        if request.tokens()?.is_empty() {
            Ok(None)
        } else {
            self.feed_head(request, domain).await.map(Some)
        }
    }
}
