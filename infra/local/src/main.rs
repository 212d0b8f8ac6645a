//! The platform on one machine.
fn main() {}
