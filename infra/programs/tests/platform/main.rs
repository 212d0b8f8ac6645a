//! The platform from end to end, on a small system of its own: gateway, processes, streams, roles,
//! restarts.

#![allow(clippy::unwrap_used, reason = "a test ends there, as it should")]
#![allow(clippy::print_stdout, reason = "a process tells its parent")]

mod functions;
mod gateway;
mod restart;
mod streams;
mod support;

/// No test: the process of a function, which the host starts.
#[test]
#[ignore = "run by the platform"]
fn function_process() {
    support::run_function();
}
