//! The Lambda function `identity-patch-group`: see [`identity_functions::groups::patch_group`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::groups::patch_group().run().await
}
