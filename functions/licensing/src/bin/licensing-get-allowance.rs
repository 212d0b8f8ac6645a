//! The Lambda function `licensing-get-allowance`: see
//! [`licensing_functions::queries::get_allowance`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::get_allowance().run().await
}
