//! The Lambda function `licensing-reconcile-grants`: see
//! [`licensing_functions::reconcile::reconcile_grants`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::reconcile::reconcile_grants().run().await
}
