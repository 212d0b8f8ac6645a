//! A run from its beginning to its end.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::archive::Schedule;
use crate::chance::Chance;
use crate::cloud::{Cloud, LONGEST_DELAY};
use crate::judge::Judge;
use crate::mail::{self, Person, Post};
use crate::operator::{Operator, deploy};
use crate::pipeline::Pipeline;
use crate::plan::{Plan, Trouble};
use crate::processes::Pool;
use crate::session::{Habits, Session};
use crate::settle::{self, Leftovers};

/// How long the clients may take, in virtual time: each of their requests ends by itself.
const LONGEST_RUN: Duration = Duration::from_secs(3_600);

/// How long it may take until everything has caught up once nothing goes wrong any more.
const LONGEST_CALM: Duration = Duration::from_secs(600);

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many requests the processes made.
    pub requests: u64,
    /// How many commits were written.
    pub commits: usize,
    /// How many of them are only in the archive.
    pub archived: usize,
    /// A digest of the whole course: the same plan has the same.
    pub course: u64,
    /// All that happened, in order, if it was to be written down.
    pub log: Vec<String>,
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What.
    pub what: String,
    /// All that happened, in order, if it was to be written down.
    pub log: Vec<String>,
}

/// Runs a plan.
///
/// # Errors
/// [`Failure`] if something is not as it must be.
pub fn run(plan: &Plan, is_logged: bool) -> Result<Report, Box<Failure>> {
    // The waits between tries are random as well.
    fastrand::seed(plan.seed);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // The world begins within the runtime, or its time would be that of the machine.
    let world = async { World::new(plan, is_logged).run().await };
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(world)));
    outcome.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Box::new(Failure {
            what: format!("panic: {}", what.unwrap_or_default()),
            log: Vec::new(),
        }))
    })
}

/// The most runs that are spent on making a plan smaller.
const MOST_SHRINKING: usize = 400;

/// A smaller plan that fails too, found by leaving out what it can do without; and how it fails.
pub fn shrink(plan: &Plan, failure: Box<Failure>) -> (Plan, Box<Failure>) {
    let (mut smallest, mut runs) = ((plan.clone(), failure), 0);
    loop {
        let plans = smallest.0.smaller().take(MOST_SHRINKING - runs);
        let smaller = plans
            .inspect(|_| runs += 1)
            .find_map(|plan| run(&plan, false).err().map(|failure| (plan, failure)));
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

struct World<'a> {
    plan: &'a Plan,
    cloud: Cloud,
    judge: Arc<Judge>,
    functions: Arc<Pool>,
    pipeline: Arc<Pipeline>,
    post: Post,
    schedule: Arc<Schedule>,
    /// The build that is deployed.
    build: Arc<AtomicU32>,
    habits: Habits,
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, is_logged: bool) -> Self {
        let cloud = Cloud::new(plan, Chance::new(plan.seed), is_logged);
        let build = Arc::new(AtomicU32::new(1));
        let pool = || Pool::new(&cloud, &build);
        let (functions, post) = (Arc::new(pool()), Post::new(&cloud));
        let pipeline = Arc::new(Pipeline {
            cloud: cloud.clone(),
            relays: pool(),
            projectors: pool(),
            mailers: pool(),
            post: post.clone(),
        });
        let schedule = Arc::new(Schedule { cloud: cloud.clone(), archivers: pool() });
        let takes_minutes = [Trouble::Rebuild, Trouble::Archive];
        let takes_minutes = takes_minutes.iter().any(|trouble| plan.troubles.contains(trouble));
        let forgets = if plan.troubles.contains(&Trouble::Forget) { 0.4 } else { 0.0 };
        let habits = Habits::new(cloud.chance(), takes_minutes, forgets);
        Self {
            plan,
            judge: Arc::new(Judge::new(&cloud)),
            cloud,
            functions,
            pipeline,
            post,
            schedule,
            build,
            habits,
        }
    }

    async fn run(self) -> Result<Report, Box<Failure>> {
        self.pipeline.start();
        tokio::spawn(self.person().run());
        if self.has(Trouble::Deployment) {
            tokio::spawn(deploy(self.cloud.clone(), Arc::clone(&self.build)));
        }
        let operators =
            if self.has(Trouble::Rebuild) { self.cloud.chance().between(1, 2) } else { 0 };
        let operators: Vec<_> =
            (0..operators).map(|name| tokio::spawn(self.operator(name).run())).collect();
        let sessions: Vec<_> = (0..self.plan.sessions)
            .map(|name| tokio::spawn(self.session(name).run(self.plan.requests)))
            .collect();
        // A run that takes too long and the next one meet.
        let archivers = if self.has(Trouble::Archive) { 2 } else { 0 };
        let archivers: Vec<_> =
            (0..archivers).map(|_| tokio::spawn(Arc::clone(&self.schedule).run())).collect();
        self.join(sessions).await;
        self.cloud.calm();
        self.join(operators).await;
        sleep(LONGEST_DELAY).await;
        self.join(archivers).await;
        if self.has(Trouble::Archive) {
            self.schedule.complete().await;
        }
        self.settle().await;
        self.judge.finish();
        let mut state = self.cloud.state();
        let verdict = match state.history.violation() {
            Some(violation) => Err(violation.clone()),
            None => settle::check(&state, self.expected_leftovers())
                .and_then(|()| mail::check(&state, &self.post)),
        };
        let (course, requests) = state.course();
        match verdict {
            Ok(()) => {
                let commits = state.history.streams().map(|(_, commits)| commits.len()).sum();
                let archived = state.history.removed();
                Ok(Report { requests, course, commits, archived, log: state.take_log() })
            }
            Err(what) => Err(Box::new(Failure { what, log: state.take_log() })),
        }
    }

    fn has(&self, trouble: Trouble) -> bool {
        self.plan.troubles.contains(&trouble)
    }

    /// What the projectors may leave behind. Where nothing keeps a worker from its last step they
    /// leave nothing.
    fn expected_leftovers(&self) -> Leftovers {
        let of_two_builds = self.has(Trouble::Deployment);
        let breaks_off = [
            Trouble::Crashes,
            Trouble::Delays,
            Trouble::LostReplies,
            Trouble::ServerErrors,
            Trouble::Throttling,
        ];
        Leftovers {
            pending: of_two_builds,
            places: of_two_builds || breaks_off.into_iter().any(|trouble| self.has(trouble)),
        }
    }

    /// Waits until all have done what they wanted to.
    async fn join(&self, all: Vec<JoinHandle<()>>) {
        for one in all {
            match timeout(LONGEST_RUN, one).await {
                Ok(Ok(())) => {}
                Ok(Err(panic)) => {
                    self.cloud.state().history.violated(format!("somebody panicked: {panic}"))
                }
                Err(_) => {
                    self.cloud.state().history.violated("somebody is never answered".to_owned())
                }
            }
        }
    }

    fn person(&self) -> Person {
        Person {
            cloud: self.cloud.clone(),
            post: self.post.clone(),
            functions: Arc::clone(&self.functions),
        }
    }

    fn operator(&self, name: usize) -> Operator {
        Operator {
            cloud: self.cloud.clone(),
            build: Arc::clone(&self.build),
            name,
            skew: self.cloud.skew(),
        }
    }

    fn session(&self, name: usize) -> Session {
        Session {
            name,
            cloud: self.cloud.clone(),
            functions: Arc::clone(&self.functions),
            judge: Arc::clone(&self.judge),
            tokens: Vec::new(),
            tags: BTreeMap::new(),
            skew: self.cloud.skew(),
            habits: self.habits,
        }
    }

    /// Waits until everything has caught up.
    async fn settle(&self) {
        let began = Instant::now();
        // Between two looks a batch may pass from one hand to the next.
        let mut quiet = 0;
        while quiet < 3 {
            sleep(Duration::from_millis(500)).await;
            quiet = if self.cloud.state().is_quiet() { quiet + 1 } else { 0 };
            if began.elapsed() > LONGEST_CALM {
                return self.cloud.state().history.violated(
                    "nothing goes wrong any more, but it does not come to rest".to_owned(),
                );
            }
        }
    }
}
