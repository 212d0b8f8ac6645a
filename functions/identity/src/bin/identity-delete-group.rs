//! The Lambda function `identity-delete-group`: see [`identity_functions::groups::delete_group`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::groups::delete_group().run().await
}
