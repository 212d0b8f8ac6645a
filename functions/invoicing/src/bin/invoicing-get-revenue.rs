//! The Lambda function `invoicing-get-revenue`: see [`invoicing_functions::queries::get_revenue`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::queries::get_revenue().run().await
}
