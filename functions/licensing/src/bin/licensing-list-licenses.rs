//! The Lambda function `licensing-list-licenses`: see
//! [`licensing_functions::queries::list_licenses`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::list_licenses().run().await
}
