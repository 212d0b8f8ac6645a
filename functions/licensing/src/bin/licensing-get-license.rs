//! The Lambda function `licensing-get-license`: see [`licensing_functions::queries::get_license`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::get_license().run().await
}
