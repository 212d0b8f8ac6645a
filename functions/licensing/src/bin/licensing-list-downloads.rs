//! The Lambda function `licensing-list-downloads`: see
//! [`licensing_functions::queries::list_downloads`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::list_downloads().run().await
}
