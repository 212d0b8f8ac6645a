//! The Lambda function `licensing-release-license`: see
//! [`licensing_functions::licenses::release_license`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::licenses::release_license().run().await
}
