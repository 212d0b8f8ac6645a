//! The Lambda function `problems`: see [`queries::problems`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::problems().run().await
}
