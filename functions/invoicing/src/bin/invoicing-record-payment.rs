//! The Lambda function `invoicing-record-payment`: see
//! [`invoicing_functions::invoices::record_payment`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::record_payment().run().await
}
