//! The executable of all functions of the licensing service.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    headwater_lambda::serve([licensing_functions::service()]).await
}
