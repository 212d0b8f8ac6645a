//! All the commands that one process can carry out, from several clients at once, each on streams
//! of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use futures::future::try_join_all;

use crate::effort::Effort;
use crate::stats::{cpu_time, median};
use crate::systems::{Kind, System, fresh_server};

/// What is measured: as many commands as these carry out in a spell.
pub const KINDS: [Kind; 6] = [
    Kind::BarePut,
    Kind::Warm,
    Kind::Cold,
    Kind::CqrsEs,
    Kind::CqrsEsSnapshots,
    Kind::EventStoreAdapter,
];

/// After so many commands a client opens another account.
pub const COMMANDS_OF_AN_ACCOUNT: u64 = 20;

/// What a process did.
pub struct Rate {
    /// Of which system.
    pub kind: Kind,
    /// How many clients it had.
    pub clients: usize,
    /// Commands in a second.
    pub per_second: f64,
    /// How long a command kept this process busy, the server's not included.
    pub cpu: Duration,
}

/// One spell.
struct Spell {
    per_second: f64,
    cpu_micros: f64,
}

/// Measures all systems with all numbers of clients: the medians of the rounds.
///
/// # Errors
/// If any command fails: there is nothing that should make it.
pub async fn measure(program: &Path, effort: &Effort) -> Result<Vec<Rate>> {
    let cells: Vec<(usize, Kind)> =
        effort.clients.iter().flat_map(|count| KINDS.map(|kind| (*count, kind))).collect();
    let mut spells: Vec<Vec<Spell>> = cells.iter().map(|_| Vec::new()).collect();
    for round in 0..effort.rounds {
        for ((count, kind), spells) in cells.iter().zip(&mut spells) {
            let (_server, clients) = fresh_server(program).await?;
            let system = Arc::new(System::open(*kind, &clients).await?);
            spells.push(spell(*kind, &system, *count, round, effort.spell).await?);
        }
    }
    let rate = |((clients, kind), spells): ((usize, Kind), Vec<Spell>)| Rate {
        kind,
        clients,
        per_second: median(spells.iter().map(|spell| spell.per_second).collect()),
        cpu: Duration::from_micros(
            median(spells.iter().map(|spell| spell.cpu_micros).collect()) as u64
        ),
    };
    Ok(cells.into_iter().zip(spells).map(rate).collect())
}

async fn spell(
    kind: Kind,
    system: &Arc<System>,
    clients: usize,
    round: u64,
    length: Duration,
) -> Result<Spell> {
    let (began, cpu) = (Instant::now(), cpu_time()?);
    let clients = (0..clients).map(|client| {
        let (system, name) = (Arc::clone(system), format!("{kind:?}-{clients}-{round}-{client}"));
        tokio::spawn(async move { commands(&system, &name, began + length).await })
    });
    let done: u64 = try_join_all(clients).await?.into_iter().sum::<Result<u64>>()?;
    let (took, cpu) = (began.elapsed(), cpu_time()?.saturating_sub(cpu));
    Ok(Spell {
        per_second: done as f64 / took.as_secs_f64(),
        cpu_micros: cpu.as_micros() as f64 / done.max(1) as f64,
    })
}

/// Carries out one command after the other until it is time, and tells how many.
async fn commands(system: &System, name: &str, end: Instant) -> Result<u64> {
    let mut done = 0;
    while Instant::now() < end {
        let (account, nth) = (done / COMMANDS_OF_AN_ACCOUNT, done % COMMANDS_OF_AN_ACCOUNT + 1);
        let account = format!("{name}-{account}");
        system
            .execute(&account, nth)
            .await
            .map_err(|failure| anyhow!("{account}, command {nth}: {failure}"))?;
        done += 1;
    }
    Ok(done)
}
