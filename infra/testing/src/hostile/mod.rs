//! What no well-behaved client sends: every call of a service gets an answer in time, whatever
//! comes. The answer is a problem of a known type that is the client's fault (4xx), and nothing is
//! written. The calls are those of `/openapi.json`, so none can be forgotten.
//!
//! [`check`] makes all of it.
//!
//! ```no_run
//! use headwater_testing::{Platform, hostile};
//!
//! # async fn test() -> anyhow::Result<()> {
//! hostile::check(Platform::start("target/debug/local", &["--in-memory"])?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each check may as well be a test of its own:
//!
//! ```no_run
//! use headwater_testing::hostile::{
//!     Target, bodies, bodies_in_one_way, cursors, methods, names, parameters_twice,
//!     places_in_old_feeds, queries, roles, tokens,
//! };
//!
//! # async fn test(platform: headwater_testing::Platform) -> anyhow::Result<()> {
//! let mut target = Target::new(platform, "acme").await?;
//! roles(&mut target).await?;
//! names(&mut target).await?;
//! queries(&mut target).await?;
//! parameters_twice(&mut target).await?;
//! methods(&mut target).await?;
//! tokens(&mut target).await?;
//! places_in_old_feeds(&mut target).await?;
//! bodies(&mut target).await?;
//! bodies_in_one_way(&mut target).await?;
//! // With some bits of each cursor turned over.
//! let lists = cursors(&mut target, "shop/tills/x", 0..20).await?;
//! assert!(lists > 0, "no list had a second page");
//! target.finish().await?;
//! # Ok(())
//! # }
//! ```

mod access;
mod bodies;
mod cursors;
mod headers;
mod http;
mod paths;
mod target;

use anyhow::Result;

pub use self::access::roles;
pub use self::bodies::bodies;
pub use self::cursors::cursors;
pub use self::headers::{places_in_old_feeds, tokens};
pub use self::http::{bodies_in_one_way, head, methods, parameters_twice};
pub use self::paths::{names, queries};
pub use self::target::{Route, Target};
use crate::Platform;

/// Tries all that needs nothing of a service's own on every call of a platform.
///
/// # Errors
/// With everything that was answered wrongly; or if something was written.
pub async fn check(platform: Platform) -> Result<()> {
    let mut target = Target::new(platform, "acme").await?;
    roles(&mut target).await?;
    names(&mut target).await?;
    queries(&mut target).await?;
    parameters_twice(&mut target).await?;
    methods(&mut target).await?;
    tokens(&mut target).await?;
    places_in_old_feeds(&mut target).await?;
    bodies(&mut target).await?;
    bodies_in_one_way(&mut target).await?;
    target.finish().await
}
