//! The Lambda function `invoicing-send-mail`: see [`invoicing_functions::mail::send_mail`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::mail::send_mail().run().await
}
