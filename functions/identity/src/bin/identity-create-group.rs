//! The Lambda function `identity-create-group`: see [`identity_functions::groups::create_group`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::groups::create_group().run().await
}
