//! The Lambda function `identity-add-member`: see [`identity_functions::members::add_member`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::members::add_member().run().await
}
