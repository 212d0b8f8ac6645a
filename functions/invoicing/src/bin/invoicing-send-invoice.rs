//! The Lambda function `invoicing-send-invoice`: see
//! [`invoicing_functions::invoices::send_invoice`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::send_invoice().run().await
}
