//! The Lambda function `read-events`: see [`queries::read_events`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::read_events().run().await
}
