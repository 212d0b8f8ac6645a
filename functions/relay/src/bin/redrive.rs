//! The Lambda function `redrive`: see [`relay::redrive`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    relay::redrive().run().await
}
