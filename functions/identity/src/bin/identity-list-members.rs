//! The Lambda function `identity-list-members`: see [`identity_functions::queries::list_members`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::queries::list_members().run().await
}
