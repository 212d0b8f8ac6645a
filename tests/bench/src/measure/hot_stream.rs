//! One stream that many write to, each a process of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::future::try_join_all;

use crate::account::Account;
use crate::effort::Effort;
use crate::systems::{Clients, Failure, Kind, System, fresh_server};

/// How many write at once.
pub const WRITERS: u64 = 16;

/// What is measured.
const KINDS: [Kind; 4] = [Kind::Warm, Kind::CqrsEs, Kind::CqrsEsSnapshots, Kind::EventStoreAdapter];

/// What became of a system's stream.
pub struct Hot {
    /// Which.
    pub kind: Kind,
    /// Commands that were acknowledged, in all rounds.
    pub committed: u64,
    /// Commands that were refused because others were faster.
    pub refused: u64,
    /// How long all rounds took.
    pub took: Duration,
    /// The balances that there should be at the end of each round, and those that the system finds.
    pub balances: Vec<(i64, i64)>,
}

/// Measures all systems.
///
/// # Errors
/// If a command fails otherwise than by a conflict.
pub async fn measure(program: &Path, effort: &Effort) -> Result<Vec<Hot>> {
    let mut all: Vec<Hot> = KINDS
        .map(|kind| Hot {
            kind,
            committed: 0,
            refused: 0,
            took: Duration::ZERO,
            balances: Vec::new(),
        })
        .into();
    for round in 0..effort.rounds {
        for hot in &mut all {
            let (_server, clients) = fresh_server(program).await?;
            hot.round(&clients, round, effort.spell).await.with_context(|| hot.kind.name())?;
        }
    }
    Ok(all)
}

impl Hot {
    async fn round(&mut self, clients: &Clients, round: u64, length: Duration) -> Result<()> {
        let account = format!("{:?}-hot-{round}", self.kind);
        let reader = System::open(self.kind, clients).await?;
        reader.execute(&account, 1).await?;
        let began = Instant::now();
        let writers = (0..WRITERS).map(|_| {
            let (kind, clients, account) = (self.kind, clients.clone(), account.clone());
            tokio::spawn(async move {
                write(&System::open(kind, &clients).await?, &account, began + length).await
            })
        });
        let mut committed = 0;
        for written in try_join_all(writers).await? {
            let (done, refused) = written?;
            committed += done;
            self.refused += refused;
        }
        self.took += began.elapsed();
        self.committed += committed;
        let found = reader.state(&account).await?.context("it keeps no state")?;
        // All are alike, and bring as much as the first.
        let expected = Account::after(1).balance * (1 + i64::try_from(committed)?);
        self.balances.push((expected, found.balance));
        Ok(())
    }
}

/// How many commands of one writer were acknowledged until it was time, and how many refused.
async fn write(system: &System, account: &str, end: Instant) -> Result<(u64, u64)> {
    let (mut done, mut refused) = (0, 0);
    while Instant::now() < end {
        match system.execute(account, 2).await {
            Ok(()) => done += 1,
            Err(Failure::Conflict) => refused += 1,
            Err(failure) => return Err(anyhow!("{failure}")),
        }
    }
    Ok((done, refused))
}
