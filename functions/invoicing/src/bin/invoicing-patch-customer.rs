//! The Lambda function `invoicing-patch-customer`: see
//! [`invoicing_functions::customers::patch_customer`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::customers::patch_customer().run().await
}
