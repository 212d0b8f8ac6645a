//! A client at work: all kinds of steps in turn, shuffled anew each time, so that every function of
//! all services is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Result;

use super::identity::{self, Identity};
use super::invoicing::{self, Invoicing};
use super::licensing::{self, Licensing};
use super::session::Session;

#[derive(Clone, Copy)]
enum Step {
    Identity(identity::Step),
    Licensing(licensing::Step),
    Invoicing(invoicing::Step),
    /// Reads what nobody needs a token for.
    Public(&'static str),
}

const PUBLIC: [&str; 3] = ["/openapi.json", "/problems/not-found", "/no/such/call"];

/// A client with all that it has.
pub(super) struct Worker {
    pub(super) session: Session,
    identity: Identity,
    licensing: Licensing,
    invoicing: Invoicing,
    steps: Vec<Step>,
}

impl Worker {
    pub(super) fn new(session: Session) -> Self {
        let (identity, licensing, invoicing) =
            (Identity::default(), Licensing::default(), Invoicing::default());
        Self { session, identity, licensing, invoicing, steps: Vec::new() }
    }

    /// Works until it is over.
    pub(super) async fn run(mut self, over: Arc<AtomicBool>) -> Result<Self> {
        while !over.load(Relaxed) {
            let Some(step) = self.steps.pop() else {
                self.steps = all();
                self.session.rng.shuffle(&mut self.steps);
                continue;
            };
            match step {
                Step::Identity(step) => self.identity.step(step, &mut self.session).await?,
                Step::Licensing(step) => self.licensing.step(step, &mut self.session).await?,
                Step::Invoicing(step) => self.invoicing.step(step, &mut self.session).await?,
                Step::Public(path) => self.session.look(path).await?,
            }
        }
        Ok(self)
    }
}

fn all() -> Vec<Step> {
    let identity = identity::STEPS.into_iter().map(Step::Identity);
    let licensing = licensing::STEPS.into_iter().map(Step::Licensing);
    let invoicing = invoicing::STEPS.into_iter().map(Step::Invoicing);
    identity.chain(licensing).chain(invoicing).chain(PUBLIC.into_iter().map(Step::Public)).collect()
}
