//! The command line of the platform.

use std::path::PathBuf;

use clap::Parser;

/// Headwater on one machine: gateway, functions, tables and streams, wired up as `template.yaml`
/// says.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo local", version)]
pub struct Config {
    /// Port of the gateway on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Where tables, keys, checkpoints and logs are kept [default: .headwater; a temporary folder
    /// with --in-memory].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Keep tables and streams in memory and start empty.
    #[arg(long)]
    pub in_memory: bool,
    /// Use this DynamoDB instead of the built-in one.
    #[arg(long, value_name = "URL")]
    pub dynamodb_endpoint: Option<String>,
    /// Use this Kinesis instead of the built-in one.
    #[arg(long, value_name = "URL")]
    pub kinesis_endpoint: Option<String>,
    /// Inject faults of every kind, the same ones for the same seed.
    #[arg(long, value_name = "SEED")]
    pub chaos: Option<u64>,
    /// Send mails through this server, as smtp://localhost:1025, instead of putting them into the
    /// folder `outbox` of the data directory.
    #[arg(long, value_name = "URL", env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// The template to run.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    pub template: PathBuf,
    /// The value of a parameter of the template, instead of its default; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameter: Vec<(String, String)>,
    /// Show the functions' logs on standard error as well.
    #[arg(long)]
    pub verbose: bool,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not of the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
