//! The Lambda function `licensing-list-devices`: see
//! [`licensing_functions::queries::list_devices`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::list_devices().run().await
}
