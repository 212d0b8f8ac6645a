//! `cargo local`: the whole system on this machine.

/// Places an order, and reads it.
const EXAMPLES: &str = r#"  curl -i {url}/shop/orders -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' -d '{"id":"1","item":"tea","quantity":2}'

  curl -i {url}/shop/orders/1 -H "Authorization: Bearer $TOKEN""#;

fn main() -> std::process::ExitCode {
    headwater::local::run(shop::services(), EXAMPLES)
}
