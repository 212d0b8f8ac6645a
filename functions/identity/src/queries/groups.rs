use headwater_lambda::{Answer, Call, Function, List, Problem};
use identity::group_row::GROUPS;
use identity::{DOMAIN, GroupRow, PROJECTIONS, group};

use super::view::{GroupView, REPRESENTATION};

/// `GET /identity/groups/{id}`
pub(crate) fn get_group() -> Function {
    Function::http(
        Call::entity::<GroupView>("identity-get-group", "/identity/groups/{id}", "Read a group."),
        |app, request| async move {
            let stream = group::stream(request.tenant(), request.path("id"))?;
            let (version, row) = app
                .row::<GroupRow>(&request, &stream)
                .await?
                .ok_or_else(|| Problem::not_found("such group"))?;
            Answer::entity(
                &request,
                &stream,
                version,
                app.rendering::<GroupRow>(&request, REPRESENTATION).await?,
                &GroupView::new(&stream, version, row),
            )
        },
    )
}

/// `GET /identity/groups`, in order of name.
pub(crate) fn list_groups() -> Function {
    let call = Call::list::<GroupView>(
        "identity-list-groups",
        "/identity/groups",
        "List groups in order of name.",
    );
    Function::http(call, |app, request| async move {
        app.list(&request, List::<GroupRow>::new(DOMAIN, &PROJECTIONS, GROUPS), GroupView::new)
            .await
    })
}
