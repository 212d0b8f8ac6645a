//! Commands: from a state to a decision, and from the decision to one write that settles it.
//!
//! Read in this order:
//!
//! 1. `execution`, `condition`: what a command's execution is given, and what comes of it;
//! 2. `execute`: the loop: a state, a decision, an append; again after a conflict;
//! 3. `heads`, `expect`, `since`: what must hold for the command to be decided;
//! 4. `prepare`: all that is written with the events: `claims` of unique values, `numbers` without
//!    gaps, checks of other streams, the record of the answer;
//! 5. `action`, `append`: one put or one transaction of such actions, settled;
//! 6. `answer`, `idempotency`: answers that write nothing, and those that were given before;
//! 7. `amend`: events that a person decided on, appended in the same way.
//!
//! This room uses [`crate::store`]; the store knows nothing of it.

mod action;
mod amend;
mod answer;
mod append;
mod claims;
mod condition;
mod execute;
mod execution;
mod expect;
mod heads;
mod idempotency;
mod numbers;
mod prepare;
mod since;

pub use self::amend::Amendment;
pub use self::condition::{IfMatch, IfNoneMatch};
pub use self::execution::{
    Concurrent, Done, ExecuteError, Execution, Expected, Idempotency, Origin, RenderAnswer,
};
pub use self::idempotency::KEY_LIFETIME;
