//! The executable of what all services share: the pipeline, and the calls on any stream. The
//! template names no other function for it.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    headwater_lambda::serve(platform_functions::services()).await
}
