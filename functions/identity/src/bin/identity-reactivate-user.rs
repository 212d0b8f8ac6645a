//! The Lambda function `identity-reactivate-user`: see
//! [`identity_functions::users::reactivate_user`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::users::reactivate_user().run().await
}
