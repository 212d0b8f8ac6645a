//! The Lambda function `invoicing-project`: see [`projectors::invoicing_project`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    projectors::invoicing_project().run().await
}
