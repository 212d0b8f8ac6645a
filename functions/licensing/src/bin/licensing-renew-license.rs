//! The Lambda function `licensing-renew-license`: see
//! [`licensing_functions::licenses::renew_license`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::licenses::renew_license().run().await
}
