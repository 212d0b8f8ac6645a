//! The Lambda function `sweep`: see [`projectors::sweep`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    projectors::sweep().run().await
}
