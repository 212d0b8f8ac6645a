//! The Lambda function `invoicing-settle-mail`: see [`invoicing_functions::mail::settle_mail`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::mail::settle_mail().run().await
}
