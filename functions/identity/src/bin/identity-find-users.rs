//! The Lambda function `identity-find-users`: see [`identity_functions::queries::find_users`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::queries::find_users().run().await
}
