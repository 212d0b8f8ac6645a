//! The Lambda function `identity-deactivate-user`: see
//! [`identity_functions::users::deactivate_user`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::users::deactivate_user().run().await
}
