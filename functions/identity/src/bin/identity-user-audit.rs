//! The Lambda function `identity-user-audit`: see [`identity_functions::queries::user_audit`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::queries::user_audit().run().await
}
