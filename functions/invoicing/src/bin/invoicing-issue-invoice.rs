//! The Lambda function `invoicing-issue-invoice`: see
//! [`invoicing_functions::invoices::issue_invoice`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::invoices::issue_invoice().run().await
}
