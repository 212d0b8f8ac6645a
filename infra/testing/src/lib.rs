//! Whole services, driven over HTTP against the platform on one machine: the same processes, roles,
//! streams and faults as `cargo local` has. [`costs`] and [`hostile`] check any service.
//!
//! ```no_run
//! # use headwater_testing::Platform;
//! # async fn test() -> anyhow::Result<()> {
//! let platform = Platform::start("target/debug/local", &["--in-memory"])?;
//! let client = platform.client("acme").await?;
//! let created = client.post("/shop/tills", &serde_json::json!({ "name": "front" })).await?;
//! let created = created.expect(201)?;
//! platform.settled().await?;
//! let till = client.get(&format!("/shop/tills/{}", created.id())).await?;
//! assert_eq!(till.body["name"], "front");
//! # Ok(())
//! # }
//! ```

mod client;
pub mod costs;
pub mod hostile;
pub mod measured;
mod platform;
pub mod price;

pub use client::{Client, Reply, RequestBuilder};
pub use platform::{Platform, RUNS_AS_PLATFORM, example};
