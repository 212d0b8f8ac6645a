//! The Lambda function `identity-list-user-groups`: see
//! [`identity_functions::queries::list_user_groups`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::queries::list_user_groups().run().await
}
