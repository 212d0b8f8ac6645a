//! `headwater`: the operators' command line for all services.

fn main() -> std::process::ExitCode {
    headwater_admin::main(&platform_functions::services())
}
