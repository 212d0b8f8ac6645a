//! The Lambda function `licensing-acquire-license`: see
//! [`licensing_functions::acquire::acquire_license`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::acquire::acquire_license().run().await
}
