//! The Lambda function `openapi`: see [`queries::openapi`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::openapi().run().await
}
