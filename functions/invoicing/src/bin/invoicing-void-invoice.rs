//! The Lambda function `invoicing-void-invoice`: see
//! [`invoicing_functions::invoices::void_invoice`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::void_invoice().run().await
}
