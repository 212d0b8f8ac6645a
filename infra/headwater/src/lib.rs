//! Event sourcing and CQRS on AWS Lambda and DynamoDB.
//!
//! This is the one crate to depend on. Without features it is the pure core, which is all that a
//! domain needs. Each feature adds a module:
//!
//! | feature | module | what for |
//! |---|---|---|
//! | `dynamodb` | [`dynamodb`] | the event store, views, change feeds and projectors |
//! | `lambda` | [`lambda`] | services: functions on Lambda, calls over HTTP, the pipeline |
//! | `local` | [`local`], [`admin`] | the platform on one machine, the operators' command line |
//! | `testkit` | [`testkit`], [`testing`], [`template`] | given/when/then, whole services over HTTP, `template.yaml` |
//!
//! # A service in one page
//!
//! An aggregate, a command that decides, and the table of the service:
//!
//! ```
//! # #[cfg(feature = "lambda")] {
//! use headwater::{
//!     Aggregate, Command, Context, Domain, Event, Rejection, Rule, Verdict, aggregate_fn,
//! };
//! use jiff::Timestamp;
//! use serde::{Deserialize, Serialize};
//!
//! /// What can have happened to a till. Names of variants and fields are the storage format.
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! #[serde(tag = "type", content = "data")]
//! enum TillEvent {
//!     TillOpened {},
//! }
//!
//! impl Event for TillEvent {}
//!
//! /// What the rules need to know.
//! #[derive(Clone, Debug, Default, Serialize, Deserialize)]
//! struct Till {
//!     is_open: bool,
//! }
//!
//! impl Aggregate for Till {
//!     type Event = TillEvent;
//!     const DOMAIN: &'static str = "shop";
//!     const CATEGORY: &'static str = "tills";
//!     const REVISION: u32 = 1;
//!
//!     fn evolve(&mut self, event: &TillEvent, _: Timestamp) {
//!         match event {
//!             TillEvent::TillOpened {} => self.is_open = true,
//!         }
//!     }
//! }
//!
//! static TILL_EXISTS: Rule = Rule {
//!     name: "till-exists",
//!     title: "This till is open already",
//!     help: "Leave `id` out to be given a fresh one.",
//! };
//!
//! /// The body of `POST /shop/tills`.
//! #[derive(Deserialize, garde::Validate, utoipa::ToSchema)]
//! #[serde(deny_unknown_fields)]
//! struct OpenTill {
//!     #[garde(skip)]
//!     id: Option<String>,
//! }
//!
//! impl Command for OpenTill {
//!     type Aggregate = Till;
//!     const NAME: &'static str = "OpenTill";
//!     const RULES: &'static [&'static Rule] = &[&TILL_EXISTS];
//!
//!     fn decide(&self, till: &Till, _: &Context) -> Verdict<Till> {
//!         if till.is_open {
//!             return Err(Rejection::refused(&TILL_EXISTS, "It is open.".to_owned()));
//!         }
//!         Ok(vec![TillEvent::TillOpened {}])
//!     }
//! }
//!
//! static SHOP: Domain = Domain::new("shop", &[aggregate_fn::<Till>()], &[]);
//!
//! let service = headwater::lambda::Service::new(&SHOP, "shop")
//!     .aggregate::<Till>("/tills", |tills| tills.create::<OpenTill>("Open a till."))
//!     .execute();
//! let calls: Vec<_> = service.calls().map(|call| call.path.as_str()).collect();
//! assert_eq!(calls, ["/shop/tills", "/shop/execute"]);
//! # }
//! ```
//!
//! `headwater new` makes a project with all of it: rows, lists, tests, a template.

pub use headwater_core::*;

#[cfg(feature = "dynamodb")]
pub use headwater_dynamodb as dynamodb;

/// Services on AWS Lambda: what a function is made of, and the functions that services share.
#[cfg(feature = "lambda")]
pub mod lambda {
    pub use headwater_functions::{changes, project, with_shared};
    pub use headwater_lambda::*;
}

#[cfg(feature = "local")]
pub use headwater_admin as admin;
#[cfg(feature = "local")]
pub use headwater_local as local;
#[cfg(feature = "testkit")]
pub use headwater_template as template;
#[cfg(feature = "testkit")]
pub use headwater_testing as testing;
#[cfg(feature = "testkit")]
pub use headwater_testkit as testkit;
