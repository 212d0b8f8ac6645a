//! The invoicing service, by topic.

mod access;
mod costs;
mod execute;
mod life;
mod lists;
mod mail;
mod numbers;
mod smtp;
mod support;
mod talk;
mod three_ways;
