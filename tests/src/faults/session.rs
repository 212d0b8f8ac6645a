//! One client's way to the platform: it sends commands as a careful client does, reads with what it
//! knows, and notes what it was told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::sleep;

use super::command::Command;
use super::ledger::{Entry, Expected};
use super::tally::Tally;
use crate::{Client, Reply, RequestBuilder};

/// How often a command is sent before it is given up, and the pause before each repetition, which
/// grows.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// A client, and all that it knows.
pub(super) struct Session {
    client: Client,
    /// Where the platform is: after a start, elsewhere.
    url: watch::Receiver<String>,
    /// Its number among the clients.
    pub(super) number: usize,
    pub(super) rng: Rng,
    /// How many names it has made up.
    names: u64,
    /// The streams that it has written or seen, within the tenant.
    seen: HashMap<String, Seen>,
    /// The `ETag` that each path was last answered with, and the version that it stands for.
    tags: HashMap<String, (String, u64)>,
    pub(super) ledger: Vec<Entry>,
    pub(super) tally: Tally,
}

/// The highest version of a stream that a client was told of, and the token that names it.
struct Seen {
    version: u64,
    token: String,
}

/// What an answer says of a command.
enum Told {
    Done(Reply),
    /// By a rule, or a condition that does not hold.
    Refused(Reply),
    /// Surely not carried out: it may be sent again.
    NotDone,
    /// It may have been carried out.
    Unknown,
}

impl Session {
    pub(super) fn new(
        client: Client,
        url: watch::Receiver<String>,
        number: usize,
        rng: Rng,
    ) -> Self {
        let (seen, tags) = (HashMap::new(), HashMap::new());
        Self {
            client,
            url,
            number,
            rng,
            names: 0,
            seen,
            tags,
            ledger: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// A name that nobody has had.
    pub(super) fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}-{}-{}", self.number, self.names)
    }

    /// Where the platform is now.
    pub(super) fn url(&self) -> String {
        self.url.borrow().clone()
    }

    /// The token of what it has last written or seen of a stream.
    pub(super) fn token(&self, stream: &str) -> Option<&str> {
        self.seen.get(stream).map(|seen| seen.token.as_str())
    }

    /// Sends a command until it is answered, or given up; the answer if it was carried out. One in
    /// two has an `Idempotency-Key`: only these are sent again after an answer that leaves open
    /// whether they were carried out.
    pub(super) async fn command(&mut self, command: Command) -> Result<Option<Reply>> {
        let id = self.name("request");
        let keyed = self.rng.bool();
        let mut uncertain = false;
        for tries in 0..TRIES {
            if tries > 0 {
                self.tally.repeated += 1;
                sleep(PAUSE * tries).await;
            }
            match self.send(&command, &id, keyed).await? {
                Told::Done(reply) => {
                    self.tally.acknowledged += 1;
                    self.see(&command.stream, &reply);
                    self.note(id, &command, Expected::of(command.effect, &reply));
                    return Ok(Some(reply));
                }
                Told::Refused(reply) => {
                    self.tally.refused += 1;
                    if reply.status == 404 && !command.may_be_missing {
                        self.tally
                            .untrue
                            .push(format!("{id}: {} is there, but: {}", command.path, reply.body));
                    }
                    self.note(
                        id,
                        &command,
                        if uncertain { Expected::AtMostOnce(None) } else { Expected::Never },
                    );
                    return Ok(None);
                }
                Told::NotDone => {}
                Told::Unknown => {
                    uncertain = true;
                    if !keyed {
                        break;
                    }
                }
            }
        }
        self.tally.unanswered += 1;
        self.note(
            id,
            &command,
            if uncertain { Expected::AtMostOnce(None) } else { Expected::Never },
        );
        Ok(None)
    }

    async fn send(&mut self, command: &Command, id: &str, keyed: bool) -> Result<Told> {
        let mut call = self.call(command.method, &command.path).header("x-correlation-id", id);
        if keyed {
            call = call.header("idempotency-key", id);
        }
        if !command.body.is_null() {
            call = call.json(&command.body);
        }
        for (name, value) in &command.headers {
            call = call.header(name, value);
        }
        let began = Instant::now();
        let reply = call.send().await;
        self.tally.commands.push(began.elapsed());
        let Ok(reply) = reply else { return Ok(Told::Unknown) };
        Ok(match reply.status {
            200 | 201 => Told::Done(reply),
            404 | 409 | 412 => Told::Refused(reply),
            500.. => {
                self.tally.server_errors += 1;
                // A gateway's own 503 is no problem of the function's: it says nothing.
                let problem = reply.body["type"].as_str().unwrap_or("/problems/outcome-unknown");
                if reply.status == 503 && problem != "/problems/outcome-unknown" {
                    Told::NotDone
                } else {
                    Told::Unknown
                }
            }
            status => bail!("{} {}: {status} {}", command.method, command.path, reply.body),
        })
    }

    /// Reads one thing, more often than not with the token of its stream, and checks that it is not
    /// older; the answer if it is there.
    pub(super) async fn read(&mut self, path: &str, stream: &str) -> Result<Option<Reply>> {
        let known = if self.rng.u8(..3) > 0 {
            self.seen.get(stream).map(|seen| (seen.token.clone(), seen.version))
        } else {
            None
        };
        let tag = if self.rng.bool() { self.tags.get(path).cloned() } else { None };
        let mut call = self.call("GET", path);
        if let Some((token, _)) = &known {
            call = call.header("consistency-token", token);
        }
        if let Some((tag, _)) = &tag {
            call = call.header("if-none-match", tag);
        }
        let Some(reply) = self.ask(call).await? else { return Ok(None) };
        let at_least = known.map_or(0, |(_, version)| version);
        let version = match reply.status {
            304 => tag.map_or(0, |(_, version)| version),
            200 => reply.version(),
            _ => 0,
        };
        if version < at_least {
            self.tally.stale.push(format!(
                "{path} with the token of version {at_least}: {} {version} {}",
                reply.status, reply.body
            ));
        }
        if reply.status != 200 {
            return Ok(None);
        }
        self.tags.insert(path.to_owned(), (reply.etag().to_owned(), version));
        self.see(stream, &reply);
        Ok(Some(reply))
    }

    /// Reads a list with the token of a stream, and checks that the thing of this id is in it as
    /// new as the token.
    pub(super) async fn find(&mut self, path: &str, stream: &str, id: &str) -> Result<()> {
        let Some(Seen { version, token }) = self.seen.get(stream) else {
            return self.look(path).await;
        };
        let (version, token) = (*version, token.clone());
        // A page may be short, or empty, and not be the last.
        let mut page = path.to_owned();
        loop {
            let call = self.call("GET", &page).header("consistency-token", &token);
            let Some(reply) = self.ask(call).await? else { return Ok(()) };
            let mut items = reply.body["items"].as_array().into_iter().flatten();
            if items.any(|item| {
                item["id"] == id && item["version"].as_u64().is_some_and(|found| found >= version)
            }) {
                return Ok(());
            }
            let Some(next) = reply.body["next"].as_str() else {
                self.tally.stale.push(format!(
                    "{path} with the token of version {version}: {} {}",
                    reply.status, reply.body
                ));
                return Ok(());
            };
            page = format!("{path}{}cursor={next}", if path.contains('?') { '&' } else { '?' });
        }
    }

    /// Reads what nothing is known of.
    pub(super) async fn look(&mut self, path: &str) -> Result<()> {
        let call = self.call("GET", path);
        self.ask(call).await.map(|_| ())
    }

    /// Asks, and counts; nothing if there is no answer.
    async fn ask(&mut self, call: RequestBuilder) -> Result<Option<Reply>> {
        let began = Instant::now();
        let reply = call.send().await;
        self.tally.queries.push(began.elapsed());
        let Ok(reply) = reply else {
            self.tally.unread += 1;
            return Ok(None);
        };
        match reply.status {
            200 | 404 => {}
            304 => self.tally.not_modified += 1,
            // That a token which was given out is ahead of its stream means that a commit is gone.
            400 if reply.body["type"] == "/problems/token-ahead" => {}
            500.. => {
                self.tally.server_errors += 1;
                self.tally.unread += 1;
                return Ok(None);
            }
            status => bail!("a query was answered with {status} {}", reply.body),
        }
        self.tally.read += 1;
        Ok(Some(reply))
    }

    fn call(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.at(&self.url.borrow()).call(method, path)
    }

    fn see(&mut self, stream: &str, reply: &Reply) {
        let (version, token) = (reply.version(), reply.token().to_owned());
        if version > self.seen.get(stream).map_or(0, |seen| seen.version) {
            self.seen.insert(stream.to_owned(), Seen { version, token });
        }
    }

    fn note(&mut self, id: String, command: &Command, expected: Expected) {
        self.ledger.push(Entry { id, stream: command.stream.clone(), expected });
    }

    /// Notes a revision of an external user that was put on the stream.
    pub(super) fn note_revision(&mut self, stream: String, revision: u64) {
        self.ledger.push(Entry {
            id: revision.to_string(),
            stream,
            expected: Expected::Revision(revision),
        });
    }
}
