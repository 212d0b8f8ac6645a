//! The Lambda function `identity-get-user`: see [`identity_functions::queries::get_user`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::queries::get_user().run().await
}
