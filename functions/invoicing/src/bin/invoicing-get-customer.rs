//! The Lambda function `invoicing-get-customer`: see
//! [`invoicing_functions::queries::get_customer`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::queries::get_customer().run().await
}
