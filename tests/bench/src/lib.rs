//! Headwater against published event stores for DynamoDB, on the same server, in one run. What
//! comes of it is told in `docs/explanation/benchmark.md`.
//!
//! [`account`] is the domain that all [`systems`] serve; [`server`] the DynamoDB that all of them
//! use. [`measure`] has a file for each thing that is measured, and [`report`] puts it into the
//! documents.

pub mod account;
pub mod effort;
pub mod measure;
pub mod meter;
pub mod report;
pub mod server;
pub mod stats;
pub mod systems;
