//! Clients that write and read, and projectors that follow: each knows of generations what it has
//! read itself, and remembers it as a process does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use headwater::{Context, Position, ProjectionFn, StreamName, normalize, projection_fn};
use headwater_dynamodb::{
    Done, Doorbell, EventStore, Execution, Expected, Origin, PageRequest, Projector, Views,
};
use identity::user::PatchUser;
use identity::user_row::USERS_BY_EMAIL;
use identity::{PROJECTIONS, UserRow};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::events::{email, stream};
use super::tables::Tables;
use super::{Settings, deadline};

/// How long a client thinks.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a record takes to a projector.
const LAG: Duration = Duration::from_millis(50);

/// How many projectors there are, and how many records one takes at a time.
const PROJECTORS: usize = 2;
const BATCH: usize = 100;

static USERS: ProjectionFn = projection_fn::<UserRow>();

/// Clients and projectors at work.
pub(super) struct Traffic {
    tasks: JoinSet<Result<()>>,
    tally: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    over: AtomicBool,
    writes: AtomicU64,
    failed_writes: AtomicU64,
    reads: AtomicU64,
    failed_reads: AtomicU64,
    stale_reads: AtomicU64,
    projected: AtomicU64,
}

/// What came of it.
pub(super) struct Tally {
    counts: Arc<Counts>,
}

struct Client {
    store: EventStore,
    views: Views,
    streams: u64,
    rng: Rng,
    counts: Arc<Counts>,
    bells: UnboundedSender<Doorbell>,
}

impl Traffic {
    pub(super) fn start(tables: &Tables, settings: &Settings) -> Self {
        let (mut tasks, counts) = (JoinSet::new(), Arc::<Counts>::default());
        let mut queues = Vec::new();
        for _ in 0..PROJECTORS {
            let (bells, queue) = unbounded_channel();
            tasks.spawn(project(tables.projector(), queue, Arc::clone(&counts)));
            queues.push(bells);
        }
        for (number, bells) in (0..settings.clients).zip(queues.iter().cycle()) {
            let client = Client {
                store: tables.store(),
                views: tables.views(),
                streams: settings.streams,
                rng: Rng::with_seed(settings.seed + 1 + number),
                counts: Arc::clone(&counts),
                bells: bells.clone(),
            };
            tasks.spawn(client.run());
        }
        // The clients' senders are the only ones: when these end, so do the projectors.
        Self { tasks, tally: counts }
    }

    /// Lets the clients end, and the projectors catch up.
    pub(super) async fn stop(mut self) -> Result<Tally> {
        self.tally.over.store(true, Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            done??;
        }
        Ok(Tally { counts: self.tally })
    }
}

impl Client {
    async fn run(mut self) -> Result<()> {
        while !self.counts.over.load(Relaxed) {
            let number = self.rng.u64(..self.streams);
            let user = stream(number)?;
            if let Some(version) = self.write(&user).await? {
                self.read(&user, version).await?;
                if self.rng.u8(..4) == 0 {
                    self.find(&user, number, version).await?;
                }
            }
            let anybody = stream(self.rng.u64(..self.streams))?;
            self.look(&anybody).await?;
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Changes a user, and tells the version; the commit's record is on its way.
    async fn write(&mut self, user: &StreamName) -> Result<Option<u64>> {
        let command = PatchUser {
            display_name: Some(format!("Live {}", self.rng.u32(..)).into()),
            ..PatchUser::default()
        };
        let execution = Execution {
            stream: user.clone(),
            command: &command,
            context: Context {
                now: Timestamp::now(),
                id: user.id().to_owned(),
                fresh_id: Uuid::now_v7(),
                actor: "client".to_owned(),
            },
            origin: Origin {
                correlation_id: "client".to_owned(),
                causation_id: None,
                traceparent: None,
            },
            expected: Expected::default(),
            is_new: false,
            idempotency: None,
            deadline: deadline()?,
        };
        self.counts.writes.fetch_add(1, Relaxed);
        match self.store.execute(execution).await {
            Ok(Done::Committed(folded)) => {
                self.bells
                    .send(Doorbell { stream: user.clone(), version: folded.version, commit: None })
                    .ok();
                Ok(Some(folded.version))
            }
            Ok(_) => Ok(None),
            Err(_) => {
                self.counts.failed_writes.fetch_add(1, Relaxed);
                Ok(None)
            }
        }
    }

    /// Reads with a token.
    async fn read(&self, user: &StreamName, token: u64) -> Result<()> {
        let row = self.views()?.get(&USERS, user, Some(token)).await;
        self.count(row.map(|row| row.is_some_and(|row| row.version >= token)));
        Ok(())
    }

    /// Finds a user by the address, with a token.
    async fn find(&self, user: &StreamName, number: u64, token: u64) -> Result<()> {
        let views = self.views()?;
        let order = normalize(&email(number));
        let position = Position { stream: user.clone(), version: token };
        let found = async {
            let overlay = views.overlay(&[position], &PROJECTIONS).await?;
            let request = PageRequest {
                tenant: user.tenant(),
                index: USERS_BY_EMAIL,
                projection: &USERS,
                exact_order: Some(&order),
                after: None,
                up_to_order: None,
                limit: 10,
                overlay: Some(&overlay),
                keep: &|_| true,
            };
            views.page(request).await
        };
        self.count(found.await.map(|page| {
            matches!(
                &page.rows[..],
                [found] if found.stream == *user && found.row.version >= token,
            )
        }));
        Ok(())
    }

    /// Reads without a token: it may be late, but it is there.
    async fn look(&self, user: &StreamName) -> Result<()> {
        self.count(self.views()?.get(&USERS, user, None).await.map(|row| row.is_some()));
        Ok(())
    }

    /// The views, for one read.
    fn views(&self) -> Result<Views> {
        Ok(self.views.within(deadline()?))
    }

    fn count<E>(&self, is_right: Result<bool, E>) {
        self.counts.reads.fetch_add(1, Relaxed);
        let wrong = match is_right {
            Ok(true) => return,
            Ok(false) => &self.counts.stale_reads,
            Err(_) => &self.counts.failed_reads,
        };
        wrong.fetch_add(1, Relaxed);
    }
}

/// Works off records until nobody can send any more; what the store does not let through comes
/// again.
async fn project(
    projector: Projector,
    mut queue: UnboundedReceiver<Doorbell>,
    counts: Arc<Counts>,
) -> Result<()> {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        sleep(LAG).await;
        while !batch.is_empty() {
            let report = projector.project(batch.clone()).await;
            counts.projected.fetch_add((batch.len() - report.failed.len()) as u64, Relaxed);
            batch = report.failed.iter().filter_map(|place| batch.get(*place).cloned()).collect();
        }
    }
    Ok(())
}

impl Tally {
    /// Whether nothing failed and nothing was stale.
    pub(super) fn is_good(&self) -> bool {
        let Counts { failed_writes, failed_reads, stale_reads, reads, writes, .. } = &*self.counts;
        [failed_writes, failed_reads, stale_reads].iter().all(|wrong| wrong.load(Relaxed) == 0)
            && [reads, writes].iter().all(|done| done.load(Relaxed) > 0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { writes, failed_writes, reads, failed_reads, stale_reads, projected, .. } =
            &*self.counts;
        let [writes, failed_writes, reads] =
            [writes, failed_writes, reads].map(|count| count.load(Relaxed));
        let [failed_reads, stale_reads, projected] =
            [failed_reads, stale_reads, projected].map(|count| count.load(Relaxed));
        write!(
            f,
            "meanwhile: {writes} writes, {failed_writes} failed; {reads} reads, {failed_reads} \
             failed, {stale_reads} stale; {projected} records projected"
        )
    }
}
