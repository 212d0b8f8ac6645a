//! The Lambda function `identity-get-group`: see [`identity_functions::queries::get_group`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::queries::get_group().run().await
}
