//! Memberships from both sides. A membership's row knows only since when; names are joined from the
//! rows of user and group. So a rename is one write however many groups a user is in, and a deleted
//! user or group hides its memberships.

use std::collections::HashMap;

use headwater::{Position, Projection, Row, StreamName, projection_fn};
use headwater_dynamodb::{Listed, Overlay, PageRequest, Views};
use headwater_lambda::{Answer, App, Call, Function, Page, Problem, Request};
use identity::member_row::{groups_of, members_of};
use identity::{DOMAIN, GroupRow, MemberRow, PROJECTIONS, UserRow, group, membership, user};
use jiff::Timestamp;
use serde::Serialize;

use super::view::{MemberView, UserGroupView};

/// How many pages of memberships one page of the answer is made of at the most. Each is twice as
/// long as the one before.
const MOST_PAGES: usize = 4;

/// How long these get.
const MOST_AT_ONCE: usize = 200;

/// `GET /identity/groups/{id}/members`, newest first.
pub(crate) fn list_members() -> Function {
    let call = Call::list::<MemberView>(
        "identity-list-members",
        "/identity/groups/{id}/members",
        "List a group's members, newest first.",
    );
    Function::http(call, |app, request| async move {
        let group = group::stream(request.tenant(), request.path("id"))?;
        let show =
            |user_id: &str, since: Timestamp, UserRow { user_name, display_name, .. }: UserRow| {
                MemberView { user_id: user_id.to_owned(), user_name, display_name, since }
            };
        list::<GroupRow, UserRow, _>(
            &app,
            &request,
            &group,
            &members_of(group.id()),
            other_user,
            &show,
        )
        .await
    })
}

/// `GET /identity/users/{id}/groups`, newest first.
pub(crate) fn list_user_groups() -> Function {
    let call = Call::list::<UserGroupView>(
        "identity-list-user-groups",
        "/identity/users/{id}/groups",
        "List the groups that a user is in, newest first.",
    );
    Function::http(call, |app, request| async move {
        let user = user::stream(request.tenant(), request.path("id"))?;
        let show = |group_id: &str, since: Timestamp, row: GroupRow| UserGroupView {
            group_id: group_id.to_owned(),
            name: row.name,
            since,
        };
        list::<UserRow, GroupRow, _>(
            &app,
            &request,
            &user,
            &groups_of(user.id()),
            other_group,
            &show,
        )
        .await
    })
}

/// The stream of a membership's user.
fn other_user(member: &StreamName) -> Result<StreamName, Problem> {
    Ok(user::stream(member.tenant(), member.id())?)
}

/// The stream of a membership's group.
fn other_group(member: &StreamName) -> Result<StreamName, Problem> {
    Ok(group::stream(member.tenant(), member.parent_id().unwrap_or_default())?)
}

/// A page of the memberships of `owner`, each shown with the row of its other side.
async fn list<Owner: Projection, Other: Projection, View: Serialize>(
    app: &App,
    request: &Request,
    owner: &StreamName,
    index: &str,
    other: fn(&StreamName) -> Result<StreamName, Problem>,
    show: &(dyn Fn(&str, Timestamp, Other) -> View + Send + Sync),
) -> Result<Answer, Problem> {
    let position = app.position_of_list(request, DOMAIN).await?;
    let overlay = overlay(app, request).await?;
    let views = app.views(request)?;
    let owners =
        views.get_many(&projection_fn::<Owner>(), [owner.clone()], overlay.as_ref()).await?;
    if owners.get(owner).is_none_or(|row| row.deleted) {
        return Err(Problem::not_found(owner.within_tenant()));
    }
    let limit = request.limit()?;
    let (mut items, mut after, mut size) =
        (Vec::new(), request.cursor()?.after().map(str::to_owned), limit);
    // Memberships of what is deleted leave holes in a page, so it is filled from the next ones: as
    // far as bounded work goes, then it is short.
    for _ in 0..MOST_PAGES {
        let wanted = PageRequest {
            tenant: request.tenant(),
            index,
            projection: &projection_fn::<MemberRow>(),
            exact_order: None,
            up_to_order: None,
            after: after.as_deref(),
            limit: size,
            overlay: overlay.as_ref(),
            keep: &|_| true,
        };
        let page = views.page(wanted).await?;
        items.extend(join(&views, &page.rows, overlay.as_ref(), other, show).await?);
        after = page.next;
        if after.is_none() || items.len() >= limit {
            break;
        }
        size = (size * 2).min(MOST_AT_ONCE);
    }
    if items.len() > limit {
        items.truncate(limit);
        after = items.last().map(|(place, _)| place.clone());
    }
    Answer::page(request, position, Page::of(items, after)?)
}

/// The memberships whose other side is there, each with its place and its row.
async fn join<Other: Projection, View>(
    views: &Views,
    members: &[Listed],
    overlay: Option<&Overlay>,
    other: fn(&StreamName) -> Result<StreamName, Problem>,
    show: &(dyn Fn(&str, Timestamp, Other) -> View + Send + Sync),
) -> Result<Vec<(String, View)>, Problem> {
    let others =
        members.iter().map(|member| other(&member.stream)).collect::<Result<Vec<_>, _>>()?;
    let rows: HashMap<StreamName, Row> =
        views.get_many(&projection_fn::<Other>(), others.iter().cloned(), overlay).await?;
    let mut items = Vec::with_capacity(members.len());
    for (member, other) in members.iter().zip(&others) {
        if let Some(row) = rows.get(other).filter(|row| !row.deleted) {
            let MemberRow { since, .. } = member.row.read().map_err(Problem::internal)?;
            items.push((
                member.place.clone(),
                show(other.id(), since, row.read().map_err(Problem::internal)?),
            ));
        }
    }
    Ok(items)
}

/// What the request's tokens demand. A client that has seen a membership has seen its user and its
/// group, too, because the command read both: so a membership's position stands for theirs as well,
/// as far as they have got.
async fn overlay(app: &App, request: &Request) -> Result<Option<Overlay>, Problem> {
    let Some(named) = app.overlay(request, &PROJECTIONS).await? else { return Ok(None) };
    let mut sides = Vec::new();
    for Position { stream, .. } in request
        .positions()?
        .into_iter()
        .filter(|position| position.stream.category() == membership::CATEGORY)
    {
        sides.extend([other_user(&stream)?, other_group(&stream)?]);
    }
    sides.retain(|side| named.row(side).is_none());
    if sides.is_empty() {
        return Ok(Some(named));
    }
    let store = app.store(request)?;
    let mut positions = request.positions()?;
    for stream in sides {
        let version = store.head(&stream).await?;
        positions.push(Position { stream, version });
    }
    Ok(Some(app.views(request)?.overlay(&positions, &PROJECTIONS).await?))
}
