//! The Lambda function `invoicing-create-invoice`: see
//! [`invoicing_functions::invoices::create_invoice`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::create_invoice().run().await
}
