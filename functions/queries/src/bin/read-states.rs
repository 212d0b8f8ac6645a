//! The Lambda function `read-states`: see [`queries::read_states`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::read_states().run().await
}
