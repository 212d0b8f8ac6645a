//! `cargo local`: the platform with all services.

/// Creates a user, and reads it.
const EXAMPLES: &str = r#"  curl -i {url}/identity/users -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' \
    -d '{"id":"ann","userName":"ann","displayName":"Ann Lee","email":"ann@example.com"}'

  curl -i {url}/identity/users/ann -H "Authorization: Bearer $TOKEN""#;

fn main() -> std::process::ExitCode {
    headwater_local::run(platform_functions::services(), EXAMPLES)
}
