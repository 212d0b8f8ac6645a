//! The executable of all functions of the invoicing service.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    headwater_lambda::serve([invoicing_functions::service()]).await
}
