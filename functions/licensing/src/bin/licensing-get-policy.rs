//! The Lambda function `licensing-get-policy`: see [`licensing_functions::queries::get_policy`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::get_policy().run().await
}
