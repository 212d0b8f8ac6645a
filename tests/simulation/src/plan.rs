//! What a run is made of: everything follows from it, and nothing else does.

use std::collections::BTreeSet;
use std::fmt;

use clap::ValueEnum;

use crate::chance::Chance;

/// One run. The same plan takes the same course, request by request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What every choice and every delay follows from.
    pub seed: u64,
    /// How many clients there are at once.
    pub sessions: usize,
    /// How many requests each of them makes.
    pub requests: usize,
    /// What can go wrong.
    pub troubles: BTreeSet<Trouble>,
}

/// Something that goes wrong now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Trouble {
    /// DynamoDB and Kinesis refuse for want of capacity.
    Throttling,
    /// Transactions meet others on the same items, and are cancelled.
    Conflicts,
    /// A request is carried out, and its reply never arrives.
    LostReplies,
    /// Servers fail, before or after they have carried a request out.
    ServerErrors,
    /// Requests take seconds to arrive, or replies to come back: what was given up on may be
    /// carried out later.
    Delays,
    /// DynamoDB no longer knows the token of a transaction that is repeated.
    ForgottenTokens,
    /// A read brings only a part of what was asked for, as at 1 MB or for want of capacity.
    ShortReads,
    /// Reads that are not strong see the past, each item another.
    StaleReads,
    /// Batches are delivered twice, to two workers at once.
    Duplicates,
    /// `PutRecords` fails in part.
    PartialPuts,
    /// Shards of the commits stream split.
    Splits,
    /// Processes die between any two steps.
    Crashes,
    /// Clocks disagree by seconds.
    Skew,
    /// A new build takes over, with other snapshots and other rows, while the old one still runs.
    Deployment,
    /// The rows are built anew beside the old ones, and switched to.
    Rebuild,
    /// Reads see a transaction's items one by one.
    Torn,
    /// Commits move to the archive as soon as they may.
    Archive,
    /// Things are forgotten, and with them what was personal.
    Forget,
}

/// What is drawn last: the plans of seeds that failed before there was this are otherwise the same.
const LATE: [Trouble; 3] = [Trouble::Torn, Trouble::Archive, Trouble::Forget];

impl Plan {
    /// The plan of a seed: of any size, with any troubles.
    pub fn of(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let likely = chance.pick(&[0.2, 0.6, 0.9, 1.0]);
        let others = Trouble::value_variants().iter().filter(|trouble| !LATE.contains(trouble));
        let mut troubles: BTreeSet<Trouble> =
            others.filter(|_| chance.happens(likely)).copied().collect();
        // It takes many times as long as a run without it.
        if !chance.happens(0.4) {
            troubles.remove(&Trouble::Rebuild);
        }
        let (sessions, requests) = (chance.between(1, 5), chance.between(4, 24));
        troubles.extend(LATE.into_iter().filter(|_| chance.happens(likely)));
        Self { seed, troubles, sessions, requests }
    }

    /// Plans that are a little smaller than this one, the smallest first.
    pub(crate) fn smaller(&self) -> impl Iterator<Item = Self> {
        let fewer_sessions = (1..self.sessions).map(|sessions| Self { sessions, ..self.clone() });
        let fewer_requests =
            [self.requests / 2, self.requests * 3 / 4, self.requests.saturating_sub(1)];
        let fewer_requests =
            fewer_requests.into_iter().filter(|requests| (1..self.requests).contains(requests));
        let fewer_requests = fewer_requests.map(|requests| Self { requests, ..self.clone() });
        let fewer_troubles = self.troubles.iter().map(|trouble| {
            let troubles =
                self.troubles.iter().filter(|other| *other != trouble).copied().collect();
            Self { troubles, ..self.clone() }
        });
        fewer_sessions.chain(fewer_troubles).chain(fewer_requests)
    }
}

/// The command line that runs it again.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .troubles
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        let troubles = if names.is_empty() { "none".to_owned() } else { names.join(",") };
        let Self { seed, sessions, requests, .. } = self;
        write!(
            f,
            "cargo simulate --seed {seed} --sessions {sessions} --requests {requests} --troubles \
             {troubles}"
        )
    }
}
