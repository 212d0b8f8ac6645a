use headwater::projection_fn;
use headwater_dynamodb::PageRequest;
use headwater_lambda::{Answer, Call, Function, Problem};
use identity::group_row::GROUPS;
use identity::{DOMAIN, GroupRow, PROJECTIONS, group};

use super::view::{GroupView, REPRESENTATION};

/// `GET /identity/groups/{id}`
pub fn get_group() -> Function {
    Function::http(Call::entity::<GroupView>("identity-get-group", "/identity/groups/{id}", "Read a group."), |app, request| async move {
        let stream = group::stream(request.tenant(), request.path("id"))?;
        let (version, row) = app.row::<GroupRow>(&request, &stream).await?.ok_or_else(|| Problem::not_found("such group"))?;
        Answer::entity(&request, &stream, version, app.revision(&request, REPRESENTATION).await?, &GroupView::new(&stream, version, row))
    })
}

/// `GET /identity/groups`, in order of name.
pub fn list_groups() -> Function {
    let call = Call::list::<GroupView>("identity-list-groups", "/identity/groups", "List groups in order of name.");
    Function::http(call, |app, request| async move {
        let position = app.feed_head(&request, DOMAIN).await?;
        let overlay = app.overlay(&request, &PROJECTIONS).await?;
        let cursor = request.cursor()?;
        let wanted = PageRequest {
            tenant: request.tenant(),
            index: GROUPS,
            projection: &projection_fn::<GroupRow>(),
            exact_order: None,
            up_to_order: None,
            after: cursor.after(),
            limit: request.limit()?,
            overlay: overlay.as_ref(),
            keep: &|_| true,
        };
        let page = app.views(&request)?.page(wanted).await?;
        let mut groups = Vec::with_capacity(page.rows.len());
        for (stream, row) in &page.rows {
            groups.push(GroupView::new(stream, row.version, row.read().map_err(Problem::internal)?));
        }
        Answer::page(&request, Some(position), &groups, request.cursor_after(page.next)?)
    })
}
