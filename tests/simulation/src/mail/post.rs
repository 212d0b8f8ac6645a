//! A mail server: it takes mails, or refuses them, or takes them and does not say so, or late.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater::StreamName;
use headwater_dynamodb::{EffectId, NotDone};
use tokio::time::{sleep, timeout};

use crate::cloud::Cloud;
use crate::plan::Trouble;

/// How long the sender waits until it gives a mail up.
pub(super) const LONGEST_SEND: Duration = Duration::from_secs(1);

/// How long a mail is on its way at the most, in milliseconds: longer than its sender waits.
const LONGEST_WAY: u64 = 2_500;

/// Which mail: that of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mail(StreamName, u64);

impl Mail {
    pub(crate) fn of(effect: &EffectId) -> Self {
        Self(effect.stream.clone(), effect.number)
    }
}

/// What became of a mail.
#[derive(Clone, Copy, Default)]
struct Fate {
    /// How often the server took it.
    taken: u32,
    /// How often somebody said that it is to be sent although it may be twice.
    again: u32,
    /// Whether somebody said that it is not to be sent.
    is_forgone: bool,
}

/// The server, and a note of what it took. Clones are the same.
#[derive(Clone)]
pub(crate) struct Post {
    cloud: Cloud,
    mails: Arc<Mutex<BTreeMap<Mail, Fate>>>,
}

impl Post {
    pub(crate) fn new(cloud: &Cloud) -> Self {
        Self { cloud: cloud.clone(), mails: Arc::default() }
    }

    /// Sends a mail, and waits for the server to say what became of it.
    pub(super) fn send(&self, mail: Mail) -> impl Future<Output = Result<(), NotDone>> + Send {
        let post = self.clone();
        async move {
            if post.cloud.strikes(Trouble::Throttling, 0.2) {
                return Err(NotDone::Surely("the server is busy".to_owned()));
            }
            let is_lost = post.cloud.strikes(Trouble::LostReplies, 0.2);
            if is_lost && post.cloud.chance().happens(0.5) {
                sleep(LONGEST_SEND).await;
                return Err(NotDone::Unknown("the connection was lost".to_owned()));
            }
            let is_slow = post.cloud.strikes(Trouble::Delays, 0.2);
            let way = post.cloud.chance().millis(if is_slow { LONGEST_WAY } else { 60 });
            // It is on its way, whatever becomes of its sender.
            let taken = tokio::spawn(async move {
                sleep(way).await;
                post.take(mail);
            });
            match timeout(LONGEST_SEND, taken).await {
                Ok(Ok(())) if !is_lost => Ok(()),
                _ => Err(NotDone::Unknown("the server did not answer".to_owned())),
            }
        }
    }

    fn take(&self, mail: Mail) {
        self.cloud.log(|| format!("{mail:?} is taken"));
        let fate = self.change(&mail, |fate| fate.taken += 1);
        if fate.taken > 1 + fate.again {
            self.cloud.state().history.violated(format!("{mail:?} was sent twice"));
        }
    }

    /// How often a mail was taken.
    pub(super) fn taken(&self, mail: &Mail) -> u32 {
        self.change(mail, |_| {}).taken
    }

    /// Whether somebody said that a mail is not to be sent.
    pub(super) fn is_forgone(&self, mail: &Mail) -> bool {
        self.change(mail, |_| {}).is_forgone
    }

    /// Somebody says that a mail is not to be sent.
    pub(super) fn forgo(&self, mail: &Mail) {
        self.change(mail, |fate| fate.is_forgone = true);
    }

    /// Somebody says that a mail is to be sent although it may be twice.
    pub(super) fn allow_again(&self, mail: &Mail) {
        self.change(mail, |fate| fate.again += 1);
    }

    fn change(&self, mail: &Mail, change: impl FnOnce(&mut Fate)) -> Fate {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = mails.entry(mail.clone()).or_default();
        change(fate);
        *fate
    }
}
