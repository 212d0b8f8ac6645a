//! Commands on users.

use headwater_lambda::deployment::UNIQUE_KEY;
use headwater_lambda::{Call, Function, fresh_id};
use identity::user::{
    self, CreateUser, DeactivateUser, DeleteUser, EMAIL_TAKEN, PatchUser, ReactivateUser,
    USER_EXISTS, USER_NAME_TAKEN,
};

/// `POST /identity/users`
pub fn create_user() -> Function {
    let call =
        Call::create::<CreateUser>("identity-create-user", "/identity/users", "Create a user.");
    Function::http(
        call.rules(&[&USER_EXISTS, &USER_NAME_TAKEN, &EMAIL_TAKEN]),
        |app, request| async move {
            let command: CreateUser = request.json()?;
            let stream =
                user::stream(request.tenant(), &command.id.clone().unwrap_or_else(fresh_id))?;
            app.create(&request, &stream, &command).await
        },
    )
    .variable(UNIQUE_KEY)
}

/// `PATCH /identity/users/{id}`
pub fn patch_user() -> Function {
    let call = Call::command(
        "identity-patch-user",
        "PATCH",
        "/identity/users/{id}",
        "Change a user's names or email.",
    );
    Function::http(
        call.body::<PatchUser>().rules(&[&USER_NAME_TAKEN, &EMAIL_TAKEN]),
        |app, request| async move {
            let command: PatchUser = request.json()?;
            app.change(&request, &user::stream(request.tenant(), request.path("id"))?, &command)
                .await
        },
    )
    .variable(UNIQUE_KEY)
}

/// `POST /identity/users/{id}/deactivate`
pub fn deactivate_user() -> Function {
    let call = Call::command(
        "identity-deactivate-user",
        "POST",
        "/identity/users/{id}/deactivate",
        "Deactivate a user.",
    );
    Function::http(call, |app, request| async move {
        app.change(&request, &user::stream(request.tenant(), request.path("id"))?, &DeactivateUser)
            .await
    })
}

/// `POST /identity/users/{id}/reactivate`
pub fn reactivate_user() -> Function {
    let call = Call::command(
        "identity-reactivate-user",
        "POST",
        "/identity/users/{id}/reactivate",
        "Reactivate a user.",
    );
    Function::http(call, |app, request| async move {
        app.change(&request, &user::stream(request.tenant(), request.path("id"))?, &ReactivateUser)
            .await
    })
    .variable(UNIQUE_KEY)
}

/// `DELETE /identity/users/{id}`
pub fn delete_user() -> Function {
    let call = Call::command(
        "identity-delete-user",
        "DELETE",
        "/identity/users/{id}",
        "Delete a user; its user name and email are free again.",
    );
    Function::http(call, |app, request| async move {
        app.change(&request, &user::stream(request.tenant(), request.path("id"))?, &DeleteUser)
            .await
    })
    .variable(UNIQUE_KEY)
}
