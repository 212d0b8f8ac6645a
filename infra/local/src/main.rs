//! `cargo local`: the platform with all services.

fn main() -> std::process::ExitCode {
    headwater_local::run(platform_functions::services())
}
