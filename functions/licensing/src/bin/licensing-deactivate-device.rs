//! The Lambda function `licensing-deactivate-device`: see
//! [`licensing_functions::devices::deactivate_device`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::devices::deactivate_device().run().await
}
