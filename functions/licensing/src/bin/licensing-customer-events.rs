//! The Lambda function `licensing-customer-events`: see
//! [`licensing_functions::queries::customer_events`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::queries::customer_events().run().await
}
