//! The Lambda function `identity-list-groups`: see [`identity_functions::queries::list_groups`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::queries::list_groups().run().await
}
