//! The Lambda function `identity-changes`: see [`queries::identity_changes`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::identity_changes().run().await
}
