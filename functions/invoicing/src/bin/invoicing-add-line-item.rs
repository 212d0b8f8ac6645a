//! The Lambda function `invoicing-add-line-item`: see
//! [`invoicing_functions::line_items::add_line_item`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::line_items::add_line_item().run().await
}
