//! The Lambda function `licensing-record-sessions`: see
//! [`licensing_functions::sessions::record_sessions`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::sessions::record_sessions().run().await
}
