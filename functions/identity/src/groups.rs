//! Commands on groups.

use headwater_lambda::{Call, Function, fresh_id};
use identity::group::{self, CreateGroup, DeleteGroup, GROUP_EXISTS, PatchGroup};

/// `POST /identity/groups`
pub fn create_group() -> Function {
    let call =
        Call::create::<CreateGroup>("identity-create-group", "/identity/groups", "Create a group.");
    Function::http(call.rules(&[&GROUP_EXISTS]), |app, request| async move {
        let command: CreateGroup = request.json()?;
        let stream = group::stream(request.tenant(), &command.id.clone().unwrap_or_else(fresh_id))?;
        app.create(&request, &stream, &command).await
    })
}

/// `PATCH /identity/groups/{id}`
pub fn patch_group() -> Function {
    let call = Call::command(
        "identity-patch-group",
        "PATCH",
        "/identity/groups/{id}",
        "Change a group's name or description.",
    );
    Function::http(call.body::<PatchGroup>(), |app, request| async move {
        let command: PatchGroup = request.json()?;
        app.change(&request, &group::stream(request.tenant(), request.path("id"))?, &command).await
    })
}

/// `DELETE /identity/groups/{id}`
pub fn delete_group() -> Function {
    let call = Call::command(
        "identity-delete-group",
        "DELETE",
        "/identity/groups/{id}",
        "Delete a group.",
    );
    Function::http(call, |app, request| async move {
        app.change(&request, &group::stream(request.tenant(), request.path("id"))?, &DeleteGroup)
            .await
    })
}
