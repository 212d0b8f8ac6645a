//! The Lambda function `list-streams`: see [`queries::list_streams`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::list_streams().run().await
}
