//! `headwater`: see [`headwater_admin`].

use std::io;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    ExitCode::from(
        headwater_admin::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr()).await,
    )
}
