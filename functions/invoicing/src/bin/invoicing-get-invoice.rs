//! The Lambda function `invoicing-get-invoice`: see [`invoicing_functions::queries::get_invoice`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::queries::get_invoice().run().await
}
