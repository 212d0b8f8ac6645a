//! The Lambda function `identity-create-user`: see [`identity_functions::users::create_user`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::users::create_user().run().await
}
