//! The Lambda function `licensing-set-policy`: see [`licensing_functions::policy::set_policy`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::policy::set_policy().run().await
}
