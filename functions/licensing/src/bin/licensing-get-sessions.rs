//! The Lambda function `licensing-get-sessions`: see
//! [`licensing_functions::queries::get_sessions`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::get_sessions().run().await
}
