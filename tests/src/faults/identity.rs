//! What a client does with users and groups.

use anyhow::Result;
use serde_json::{Value, json};

use super::command::{Command, Effect};
use super::session::Session;
use crate::Platform;

/// How many users and groups a client keeps at a time.
const KEPT: usize = 4;

/// A user whom all clients change.
const SHARED: &str = "shared";

#[derive(Clone, Copy)]
pub(super) enum Step {
    CreateUser,
    Rename,
    RenameShared,
    ChangeEmail,
    Execute,
    Replace,
    /// By an operator, past the rules.
    Amend,
    Deactivate,
    Reactivate,
    DeleteUser,
    EraseUser,
    CreateGroup,
    RenameGroup,
    DeleteGroup,
    AddMember,
    RemoveMember,
    ApplyExternal,
    PutExternal,
    ReadUser,
    ReadShared,
    ReadState,
    FindUser,
    ListUsers,
    ReadAudit,
    ReadExport,
    ReadCertificate,
    ReadEvents,
    ReadGroup,
    ListGroups,
    ListMembers,
    ListUserGroups,
    ReadChanges,
    ListStreams,
}

/// All of them.
pub(super) const STEPS: [Step; 33] = [
    Step::CreateUser,
    Step::Rename,
    Step::RenameShared,
    Step::ChangeEmail,
    Step::Execute,
    Step::Replace,
    Step::Amend,
    Step::Deactivate,
    Step::Reactivate,
    Step::DeleteUser,
    Step::EraseUser,
    Step::CreateGroup,
    Step::RenameGroup,
    Step::DeleteGroup,
    Step::AddMember,
    Step::RemoveMember,
    Step::ApplyExternal,
    Step::PutExternal,
    Step::ReadUser,
    Step::ReadShared,
    Step::ReadState,
    Step::FindUser,
    Step::ListUsers,
    Step::ReadAudit,
    Step::ReadExport,
    Step::ReadCertificate,
    Step::ReadEvents,
    Step::ReadGroup,
    Step::ListGroups,
    Step::ListMembers,
    Step::ListUserGroups,
    Step::ReadChanges,
    Step::ListStreams,
];

/// The users and groups of one client.
#[derive(Default)]
pub(super) struct Identity {
    users: Vec<String>,
    groups: Vec<String>,
    /// The last revision of the external user that is told of by HTTP, and of the one by the
    /// stream.
    revisions: (u64, u64),
}

/// What creates the user whom all clients change.
pub(super) fn create_shared() -> Command {
    create(SHARED)
}

fn create(id: &str) -> Command {
    let email = format!("{id}@example.com");
    let body = json!({ "id": id, "userName": id, "displayName": "Ada Lovelace", "email": email });
    Command::new("POST", "/identity/users", user_stream(id)).body(body)
}

fn user_stream(id: &str) -> String {
    format!("identity/users/{id}")
}

fn group_stream(id: &str) -> String {
    format!("identity/groups/{id}")
}

impl Identity {
    pub(super) async fn step(&mut self, step: Step, session: &mut Session) -> Result<()> {
        match step {
            Step::CreateUser if self.users.len() >= KEPT => self.delete_user(session).await,
            Step::DeleteUser if self.users.len() > 1 => self.delete_user(session).await,
            Step::EraseUser if self.users.len() > 1 => self.erase_user(session).await,
            Step::CreateUser => self.create_user(session).await,
            Step::CreateGroup | Step::DeleteGroup if self.groups.len() >= KEPT => {
                self.delete_group(session).await
            }
            Step::CreateGroup => self.create_group(session).await,
            Step::RenameShared => patch(session, SHARED, "displayName", |name| name).await,
            Step::ReadShared => session
                .read(&format!("/{}", user_stream(SHARED)), &user_stream(SHARED))
                .await
                .map(|_| ()),
            Step::ApplyExternal => self.apply_external(session).await,
            Step::PutExternal => self.put_external(session).await,
            Step::ListUsers => session.look("/identity/users?q=love").await,
            Step::ListGroups => session.look("/identity/groups").await,
            Step::ReadChanges => session.look("/identity/changes?limit=20").await,
            Step::ListStreams => session.look("/streams?prefix=identity/users/&limit=20").await,
            Step::RenameGroup
            | Step::DeleteGroup
            | Step::AddMember
            | Step::RemoveMember
            | Step::ReadGroup
            | Step::ListMembers => self.with_group(step, session).await,
            _ => self.with_user(step, session).await,
        }
    }

    async fn with_user(&mut self, step: Step, session: &mut Session) -> Result<()> {
        let Some(id) = session.rng.choice(&self.users).cloned() else {
            return self.create_user(session).await;
        };
        let (stream, path) = (user_stream(&id), format!("/identity/users/{id}"));
        match step {
            Step::Rename => patch(session, &id, "displayName", |name| name).await,
            Step::ChangeEmail => {
                patch(session, &id, "email", |name| format!("{name}@example.com")).await
            }
            Step::Execute => {
                let name = session.name("Ada");
                let body = json!({
                    "command": "PatchUser",
                    "aggregateId": id,
                    "payload": { "displayName": name },
                });
                let command = Command::new("POST", "/identity/execute", stream).body(body);
                session.command(command).await.map(|_| ())
            }
            Step::Replace => {
                let (name, active) = (session.name("Ada"), session.rng.bool());
                let email = format!("{name}@example.com");
                let body = json!({
                    "userName": id, "displayName": name, "email": email, "active": active,
                });
                session.command(Command::new("PUT", path, stream).body(body)).await.map(|_| ())
            }
            Step::Amend => {
                let renamed = json!({
                    "type": "DisplayNameSet", "data": { "displayName": session.name("Ada") },
                });
                let body = json!({ "reason": "a better name", "events": [renamed] });
                let path = format!("/events/{stream}");
                session.command(Command::new("POST", path, stream).body(body)).await.map(|_| ())
            }
            Step::Deactivate => {
                perhaps(session, "POST", format!("{path}/deactivate"), stream).await
            }
            Step::Reactivate => {
                perhaps(session, "POST", format!("{path}/reactivate"), stream).await
            }
            Step::ReadState => {
                session.read(&format!("/states/{stream}"), &stream).await.map(|_| ())
            }
            Step::FindUser => {
                session.find(&format!("/identity/users?userName={id}"), &stream, &id).await
            }
            Step::ReadAudit => session.look(&format!("{path}/audit")).await,
            Step::ReadExport => session.look(&format!("{path}/export")).await,
            // Nobody is erased among those that are kept, which is an answer.
            Step::ReadCertificate => session.look(&format!("{path}/certificate")).await,
            Step::ReadEvents => session.look(&format!("/events/{stream}")).await,
            Step::ListUserGroups => session.look(&format!("{path}/groups")).await,
            _ => session.read(&path, &stream).await.map(|_| ()),
        }
    }

    async fn with_group(&mut self, step: Step, session: &mut Session) -> Result<()> {
        let (Some(group), Some(user)) =
            (session.rng.choice(&self.groups).cloned(), session.rng.choice(&self.users).cloned())
        else {
            return self.create_group(session).await;
        };
        let (stream, path) = (group_stream(&group), format!("/identity/groups/{group}"));
        let membership = (format!("{path}/members/{user}"), format!("{stream}/members/{user}"));
        match step {
            Step::RenameGroup => {
                let name = session.name("Group");
                session
                    .command(Command::new("PATCH", path, stream).body(json!({ "name": name })))
                    .await
                    .map(|_| ())
            }
            Step::AddMember => perhaps(session, "PUT", membership.0, membership.1).await,
            Step::RemoveMember => {
                // He may be none.
                let command = Command::new("DELETE", membership.0, membership.1)
                    .effect(Effect::Perhaps)
                    .may_be_missing();
                session.command(command).await.map(|_| ())
            }
            Step::ListMembers => session.look(&format!("{path}/members")).await,
            _ => session.read(&path, &stream).await.map(|_| ()),
        }
    }

    async fn create_user(&mut self, session: &mut Session) -> Result<()> {
        let id = session.name("user");
        if session.command(create(&id)).await?.is_some() {
            self.users.push(id);
        }
        Ok(())
    }

    /// One that is perhaps deleted is not asked for again.
    async fn delete_user(&mut self, session: &mut Session) -> Result<()> {
        let id = self.users.swap_remove(session.rng.usize(..self.users.len()));
        session
            .command(Command::new("DELETE", format!("/identity/users/{id}"), user_stream(&id)))
            .await
            .map(|_| ())
    }

    /// The same for one that is erased.
    async fn erase_user(&mut self, session: &mut Session) -> Result<()> {
        let id = self.users.swap_remove(session.rng.usize(..self.users.len()));
        let path = format!("/identity/users/{id}/erase");
        session.command(Command::new("POST", path, user_stream(&id))).await.map(|_| ())
    }

    async fn create_group(&mut self, session: &mut Session) -> Result<()> {
        let id = session.name("group");
        let create = Command::new("POST", "/identity/groups", group_stream(&id))
            .body(json!({ "id": id, "name": id }));
        if session.command(create).await?.is_some() {
            self.groups.push(id);
        }
        Ok(())
    }

    async fn delete_group(&mut self, session: &mut Session) -> Result<()> {
        let id = self.groups.swap_remove(session.rng.usize(..self.groups.len()));
        session
            .command(Command::new("DELETE", format!("/identity/groups/{id}"), group_stream(&id)))
            .await
            .map(|_| ())
    }

    /// The other system tells of a user by HTTP.
    async fn apply_external(&mut self, session: &mut Session) -> Result<()> {
        self.revisions.0 += 1;
        let id = format!("http{}", session.number);
        let command =
            Command::new("POST", "/identity/external-users", user_stream(&format!("ext-{id}")));
        session
            .command(command.body(update(&id, self.revisions.0)).may_be_missing())
            .await
            .map(|_| ())
    }

    /// The other system tells of a user on its stream.
    async fn put_external(&mut self, session: &mut Session) -> Result<()> {
        let (id, revision) = (format!("stream{}", session.number), self.revisions.1 + 1);
        let mut record = update(&id, revision);
        record["tenant"] = super::TENANT.into();
        // Where it was not taken, the next revision says the same.
        if Platform::at(&session.url())
            .put_record("ExternalUsersStream", &id, &record.to_string())
            .await
            .is_ok()
        {
            session.note_revision(user_stream(&format!("ext-{id}")), revision);
        }
        self.revisions.1 = revision;
        Ok(())
    }
}

fn update(external_id: &str, revision: u64) -> Value {
    json!({
        "externalId": external_id, "revision": revision, "userName": format!("ext-{external_id}"),
        "displayName": format!("Revision {revision}"),
        "email": format!("ext-{external_id}@example.com"), "active": true,
    })
}

/// Sets a field of a user to what nobody has set it to; sometimes only if nobody has changed him
/// meanwhile.
async fn patch(
    session: &mut Session,
    id: &str,
    field: &str,
    value: impl Fn(String) -> String,
) -> Result<()> {
    let (stream, name) = (user_stream(id), session.name("Name"));
    let condition = if session.rng.u8(..3) == 0 { session.token(&stream) } else { None };
    let command = Command::new("PATCH", format!("/identity/users/{id}"), stream.as_str())
        .header("if-match", condition);
    session.command(command.body(json!({ field: value(name) }))).await.map(|_| ())
}

async fn perhaps(
    session: &mut Session,
    method: &'static str,
    path: String,
    stream: String,
) -> Result<()> {
    session.command(Command::new(method, path, stream).effect(Effect::Perhaps)).await.map(|_| ())
}
