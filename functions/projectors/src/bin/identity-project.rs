//! The Lambda function `identity-project`: see [`projectors::identity_project`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    projectors::identity_project().run().await
}
