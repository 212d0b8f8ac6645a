//! The Lambda function `identity-patch-user`: see [`identity_functions::users::patch_user`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    identity_functions::users::patch_user().run().await
}
