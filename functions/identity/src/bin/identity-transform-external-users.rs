//! The Lambda function `identity-transform-external-users`: see
//! [`identity_functions::external_users::transform_external_users`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::external_users::transform_external_users().run().await
}
