//! The Lambda function `identity-delete-user`: see [`identity_functions::users::delete_user`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::users::delete_user().run().await
}
