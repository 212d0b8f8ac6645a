//! The Lambda function `identity-remove-member`: see
//! [`identity_functions::members::remove_member`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::members::remove_member().run().await
}
