//! The Lambda function `invoicing-changes`: see [`queries::invoicing_changes`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::invoicing_changes().run().await
}
