//! Brings orders of another system in as invoices; a file that was brought in already changes
//! nothing.
//!
//! ```text
//! cargo run -p headwater-tests --bin import -- tests/data/orders.csv --url http://127.0.0.1:3000
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use headwater_tests::import::{self, Summary};
use headwater_tests::program::{complain, progress_bar, tell};
use headwater_tests::{Client, Platform};

/// Creates an invoice for each order of a CSV file. Ends with 1 if an order could not be brought
/// in.
///
/// The columns: orderId, customerId (may be left out), customerName, customerEmail, currency,
/// description, quantity, unitPrice, taxRate. A row is a line of an order; all rows of an order
/// become one invoice, whose id is the order's.
#[derive(Parser)]
struct Arguments {
    /// The file.
    orders: PathBuf,
    /// Where the service is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
    /// A JWT of a writer and reader; without one the platform on one machine is asked for it.
    #[arg(long, env = "HEADWATER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Whose invoices, where the platform is asked for a token.
    #[arg(long, default_value = "acme")]
    tenant: String,
    /// How many orders are sent at the same time.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(summary) => {
            tell(&summary);
            if summary.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<Summary> {
    let Arguments { orders, url, token, tenant, at_once } = arguments;
    let file = std::fs::read(&orders).with_context(|| orders.display().to_string())?;
    let client = match token {
        Some(token) => Client::new(url.trim_end_matches('/'), Some(token)),
        None => Platform::at(&url).client_with(&tenant, "import", &["reader", "writer"]).await?,
    };
    let progress = progress_bar(0)?;
    progress.set_message("orders");
    let summary = import::run(&client, &file, at_once, &progress).await;
    progress.finish_and_clear();
    summary
}
