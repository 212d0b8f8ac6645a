//! The Lambda function `licensing-changes`: see [`queries::licensing_changes`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::licensing_changes().run().await
}
