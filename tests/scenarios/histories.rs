//! Histories of clients at work at the same time, with faults and killed processes in between: is
//! there an order in which one after another would have been answered the same? And does each
//! client see what it has written and seen before?

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use headwater_tests::{Client, Platform, Reply};
use serde_json::json;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use crate::support::{create_user, own_platform};

/// How many users there are, how many clients each of them has, and how many requests each of these
/// makes. The checker tries orders until one is right, so what it is given at a time is short.
const USERS: usize = 16;
const CLIENTS: usize = 4;
const REQUESTS: usize = 7;

/// What a user is for those who only set his name: a version that every write raises by one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    version: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asked {
    /// A name that nobody had before.
    Set,
    /// The same, on the condition that this is the present version.
    SetIf(u64),
    /// Which version is the present one?
    Read,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Answered {
    /// The version after a write, or that was read.
    Version(u64),
    /// The condition does not hold.
    Changed,
}

impl SequentialSpec for Name {
    type Op = Asked;
    type Ret = Answered;

    fn invoke(&mut self, asked: &Asked) -> Answered {
        match asked {
            Asked::SetIf(version) if *version != self.version => return Answered::Changed,
            Asked::Set | Asked::SetIf(_) => self.version += 1,
            Asked::Read => {}
        }
        Answered::Version(self.version)
    }
}

/// What happened to one user, in the order in which it was seen to begin and end.
struct History {
    tester: LinearizabilityTester<usize, Name>,
    /// Clients are known by another number after a request of which nobody knows what became.
    clients: usize,
}

type Shared = Arc<Mutex<History>>;

fn record<T>(history: &Shared, note: impl FnOnce(&mut History) -> T) -> T {
    note(&mut history.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A client that sets and reads one user's name.
struct Session {
    client: Client,
    path: String,
    history: Shared,
    /// Its number in the history.
    number: usize,
    /// The tokens of what it has written and seen, and the highest version among them.
    token: String,
    seen: u64,
}

impl Session {
    async fn run(mut self, name: usize) -> Result<()> {
        for request in 0..REQUESTS {
            match fastrand::u32(..6) {
                0 | 1 => self.set(Asked::Set, &format!("{name} {request}")).await?,
                2 => self.set(Asked::SetIf(self.seen), &format!("{name} {request}")).await?,
                3 | 4 => self.read().await?,
                _ => self.get().await?,
            }
        }
        Ok(())
    }

    async fn set(&mut self, asked: Asked, name: &str) -> Result<()> {
        let mut call = self.client.call("PATCH", &self.path).json(&json!({ "displayName": name }));
        if let Asked::SetIf(_) = asked {
            call = call.header("if-match", &self.token);
        }
        self.begin(asked);
        let reply = call.send().await?;
        match reply.status {
            200 => {
                self.end(Answered::Version(reply.version()));
                self.see(&reply, reply.version())
            }
            412 => {
                self.end(Answered::Changed);
                Ok(())
            }
            _ => self.lose(&reply),
        }
    }

    /// The state that the rules see, which is read strongly.
    async fn read(&mut self) -> Result<()> {
        self.begin(Asked::Read);
        let reply = self.client.call("GET", &format!("/states{}", self.path)).send().await?;
        match reply.status {
            200 => {
                self.end(Answered::Version(reply.version()));
                Ok(())
            }
            _ => self.lose(&reply),
        }
    }

    /// The row, which must be as new as what was written and seen before.
    async fn get(&mut self) -> Result<()> {
        let reply = self
            .client
            .call("GET", &self.path)
            .header("consistency-token", &self.token)
            .send()
            .await?;
        match reply.status {
            200 => self.see(&reply, reply.version()),
            _ => self.lose(&reply),
        }
    }

    fn see(&mut self, reply: &Reply, version: u64) -> Result<()> {
        ensure!(version >= self.seen, "{version} after {}: {reply:?}", self.seen);
        (self.seen, self.token) = (version, reply.token().to_owned());
        Ok(())
    }

    fn begin(&self, asked: Asked) {
        record(&self.history, |history| _ = history.tester.on_invoke(self.number, asked));
    }

    fn end(&self, answered: Answered) {
        record(&self.history, |history| _ = history.tester.on_return(self.number, answered));
    }

    /// What was not answered may take effect at any time, or never.
    fn lose(&mut self, reply: &Reply) -> Result<()> {
        ensure!(reply.status == 503 || reply.status == 500, "{reply:?}");
        self.number = record(&self.history, |history| {
            history.clients += 1;
            history.clients
        });
        Ok(())
    }
}

#[tokio::test]
async fn there_is_an_order_in_which_all_answers_are_right() -> Result<()> {
    let platform = own_platform()?;
    for (fault, rate) in [("lost-reply", 0.1), ("throttle", 0.1), ("timeout", 0.01)] {
        for function in ["identity-patch-user", "identity-get-user", "identity-project"] {
            platform.fault(
                json!({ "service": "dynamodb", "fault": fault, "rate": rate, "function": function })
            ).await?;
        }
    }
    let client = platform.client("histories").await?;
    let (mut histories, mut sessions) = (Vec::new(), Vec::new());
    for user in 0..USERS {
        let created = create_user(&client, &format!("user{user}")).await?;
        let version = created.version();
        let history = Arc::new(Mutex::new(History {
            tester: LinearizabilityTester::new(Name { version }),
            clients: CLIENTS,
        }));
        for number in 0..CLIENTS {
            let session = Session {
                client: client.clone(),
                path: format!("/identity/users/{}", created.id()),
                history: Arc::clone(&history),
                number,
                token: created.token().to_owned(),
                seen: version,
            };
            sessions.push(tokio::spawn(session.run(number)));
        }
        histories.push(history);
    }
    kill_now_and_then(&platform).await?;
    for session in sessions {
        session.await??;
    }
    for history in histories {
        record(&history, |history| {
            ensure!(history.tester.is_consistent(), "there is no such order: {:?}", history.tester);
            Ok(())
        })?;
    }
    Ok(())
}

async fn kill_now_and_then(platform: &Platform) -> Result<()> {
    for function in
        ["identity-patch-user", "identity-project", "identity-get-user", "identity-patch-user"]
    {
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        platform.kill_function(function).await?;
    }
    Ok(())
}

/// The checker itself can say no.
#[test]
fn a_read_of_the_past_is_found() -> Result<()> {
    let history = |read: u64| -> Result<bool> {
        let mut tester = LinearizabilityTester::new(Name { version: 1 });
        let step = |error: String| anyhow::anyhow!(error);
        tester.on_invret(0, Asked::Set, Answered::Version(2)).map_err(step)?;
        tester.on_invret(1, Asked::Read, Answered::Version(read)).map_err(step)?;
        Ok(tester.is_consistent())
    };
    ensure!(history(2)? && !history(1)?);
    Ok(())
}
