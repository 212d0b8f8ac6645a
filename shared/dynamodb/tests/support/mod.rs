//! What the tests share: DynamoDB on this machine behind a proxy that counts and injects faults,
//! and a small aggregate.

pub(crate) mod dynamo;
pub(crate) mod memory;
pub(crate) mod person;
pub(crate) mod proxy;
