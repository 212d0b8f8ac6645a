//! The Lambda function `invoicing-get-document`: see
//! [`invoicing_functions::queries::get_document`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::queries::get_document().run().await
}
