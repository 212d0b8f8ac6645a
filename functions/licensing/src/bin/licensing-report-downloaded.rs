//! The Lambda function `licensing-report-downloaded`: see
//! [`licensing_functions::licenses::report_downloaded`].

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    licensing_functions::licenses::report_downloaded().run().await
}
