//! The executable of what all services share: the pipeline, and the calls on any stream.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    headwater_lambda::serve(platform_functions::shared()).await
}
