//! The Lambda function `invoicing-list-customers`: see
//! [`invoicing_functions::queries::list_customers`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::queries::list_customers().run().await
}
