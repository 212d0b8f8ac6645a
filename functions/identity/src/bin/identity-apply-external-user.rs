//! The Lambda function `identity-apply-external-user`: see
//! [`identity_functions::external_users::apply_external_user`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::external_users::apply_external_user().run().await
}
