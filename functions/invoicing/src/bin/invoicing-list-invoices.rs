//! The Lambda function `invoicing-list-invoices`: see
//! [`invoicing_functions::queries::list_invoices`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::queries::list_invoices().run().await
}
