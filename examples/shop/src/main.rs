//! The executable of all functions on AWS Lambda: `_HANDLER` says which one a process is.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), headwater::lambda::Error> {
    headwater::lambda::serve(shop::services()).await
}
