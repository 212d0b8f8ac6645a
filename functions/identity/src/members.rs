//! Commands on memberships.

use headwater_lambda::{App, Call, Function, Problem, Request};
use identity::membership::{AddMember, RemoveMember};
use identity::{Group, User, group, membership, user};

const PATH: &str = "/identity/groups/{id}/members/{userId}";

/// `PUT /identity/groups/{id}/members/{userId}`
///
/// User and group are read strongly, so they have reached every token; they are not
/// condition-checked, for a membership is no foreign key: the views hide the memberships of what is
/// deleted.
pub(crate) fn add_member() -> Function {
    let call = Call::of::<AddMember>("PUT", PATH, "Make a user a member of a group.");
    Function::http(call, |app, request| async move {
        let (group, user) =
            tokio::try_join!(load_group(&app, &request), load_user(&app, &request))?;
        let stream =
            membership::stream(request.tenant(), request.path("id"), request.path("userId"))?;
        app.put(&request, &stream, &AddMember { group_id: request.path("id").into(), group, user })
            .await
    })
}

/// `DELETE /identity/groups/{id}/members/{userId}`
pub(crate) fn remove_member() -> Function {
    let call = Call::of::<RemoveMember>("DELETE", PATH, "End a membership.");
    Function::http(call, |app, request| async move {
        let group = load_group(&app, &request).await?;
        let stream =
            membership::stream(request.tenant(), request.path("id"), request.path("userId"))?;
        app.change(&request, &stream, &RemoveMember { group_id: request.path("id").into(), group })
            .await
    })
}

async fn load_group(app: &App, request: &Request) -> Result<Group, Problem> {
    Ok(app.load(request, &group::stream(request.tenant(), request.path("id"))?).await?.state)
}

async fn load_user(app: &App, request: &Request) -> Result<User, Problem> {
    Ok(app.load(request, &user::stream(request.tenant(), request.path("userId"))?).await?.state)
}
