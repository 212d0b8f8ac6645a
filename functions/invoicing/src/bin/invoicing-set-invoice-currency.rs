//! The Lambda function `invoicing-set-invoice-currency`: see
//! [`invoicing_functions::invoices::set_invoice_currency`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::set_invoice_currency().run().await
}
