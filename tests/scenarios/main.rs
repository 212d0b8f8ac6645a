//! What the services promise, shown over HTTP against the running platform. One program, so that it
//! is linked once.

mod amend;
mod bounds;
mod conditions;
mod contention;
mod contracts;
mod costs;
mod crash;
mod docs;
mod errors;
mod execute;
mod faults;
mod faults_and_kills;
mod feed;
mod forget;
mod histories;
mod hostile;
mod idempotency;
mod invoicing;
mod licensing;
mod lists;
mod members;
mod newer;
mod openapi;
mod operators;
mod pipeline;
mod roles;
mod support;
mod tampering;
mod time_travel;
mod unique;
mod users;
mod values;
