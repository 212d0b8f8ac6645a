//! What targets share: the list of commands, requests as the gateway hands them on, and tables that
//! hold whatever they are given.

mod commands;
mod gateway;
mod tables;

use std::future::Future;

use headwater::Domains;

pub use gateway::Gateway;
pub use tables::Tables;

/// Runs to the end what waits for nobody but the clock, which does not keep it waiting.
pub fn at_once<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(work)
}

/// All domains: what came in may be of any.
pub fn domains() -> Domains {
    Domains::new([&identity::SERVICE, &invoicing::SERVICE, &licensing::SERVICE])
}
