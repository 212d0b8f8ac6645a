//! The platform as a program of this package, so that its tests can start it, kill it and start it
//! again.

fn main() -> std::process::ExitCode {
    headwater_local::run(platform_functions::services(), "")
}
