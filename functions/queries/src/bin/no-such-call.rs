//! The Lambda function `no-such-call`: see [`queries::no_such_call`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    queries::no_such_call().run().await
}
