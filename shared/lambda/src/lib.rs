//! Between Lambda and the core: decodes a request, checks who may, loads, decides, appends,
//! answers.
//!
//! A function is a [`Function`]: a [`Call`] (what the outside sees) and a handler of a few lines.
//! Commands end in [`App::create`], [`App::change`] or [`App::put`], queries in [`Answer::entity`],
//! [`App::list`] or [`Answer::collection`].

mod aggregate;
mod answer;
mod app;
mod call;
mod command;
pub mod deployment;
mod event_view;
mod execute;
mod function;
mod idempotency;
mod list;
mod observe;
pub mod openapi;
mod page;
mod parameter;
mod pattern;
pub mod problem;
mod query;
mod refusal;
mod request;
mod schema;
mod service;
mod tags;

pub use aggregate::{Calls, Readable, ShownRow};
pub use answer::Answer;
pub use app::App;
pub use call::{Access, Call, Kind, SchemaOf};
pub use command::{Assume, Success};
pub use event_view::{EventSummary, EventView};
pub use function::Function;
pub use idempotency::{EarlierId, IdToCreate};
pub use list::List;
pub use observe::metric;
pub use page::{LARGEST_ANSWER, Page};
pub use parameter::{Parameter, Shape, parse_time};
pub use problem::Problem;
pub use request::{Caller, Cursor, Request, parse_json, read_json};
pub use service::{Service, domains, serve};
pub use tags::{InvalidTags, Tag, parse_if_match, parse_if_none_match, parse_tags, parse_tokens};

pub use lambda_runtime::Error;

/// A fresh id for a thing whose creator gives none: UUID v7.
///
/// ```
/// use headwater_lambda::fresh_id;
///
/// assert!(headwater::is_segment(&fresh_id()));
/// assert_ne!(fresh_id(), fresh_id());
/// ```
pub fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
