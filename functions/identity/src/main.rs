//! The executable of all functions of the identity service.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater_lambda::Error> {
    headwater_lambda::serve([identity_functions::service()]).await
}
