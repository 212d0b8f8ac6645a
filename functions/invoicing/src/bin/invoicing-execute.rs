//! The Lambda function `invoicing-execute`: see [`invoicing_functions::execute::execute`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::execute::execute().run().await
}
