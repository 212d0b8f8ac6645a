//! The Lambda function `licensing-project`: see [`projectors::licensing_project`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    projectors::licensing_project().run().await
}
