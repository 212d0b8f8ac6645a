//! The Lambda function `invoicing-list-waiting-mails`: see
//! [`invoicing_functions::mail::list_waiting_mails`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    invoicing_functions::mail::list_waiting_mails().run().await
}
