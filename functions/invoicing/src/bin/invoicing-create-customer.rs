//! The Lambda function `invoicing-create-customer`: see
//! [`invoicing_functions::customers::create_customer`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::customers::create_customer().run().await
}
