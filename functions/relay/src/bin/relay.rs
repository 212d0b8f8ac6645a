//! The Lambda function `relay`: see [`relay::relay`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    relay::relay().run().await
}
