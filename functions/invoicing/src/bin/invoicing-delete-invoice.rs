//! The Lambda function `invoicing-delete-invoice`: see
//! [`invoicing_functions::invoices::delete_invoice`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::delete_invoice().run().await
}
