//! The invoicing service, by topic.

mod access;
mod conflicts;
mod document;
mod import;
mod life;
mod lists;
mod mail;
mod numbers;
mod revenue;
mod smtp;
pub(crate) mod support;
mod talk;
mod three_ways;
