//! The Lambda function `invoicing-set-invoice-customer`: see
//! [`invoicing_functions::invoices::set_invoice_customer`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::set_invoice_customer().run().await
}
