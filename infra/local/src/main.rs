//! headwater-local
fn main() {}
