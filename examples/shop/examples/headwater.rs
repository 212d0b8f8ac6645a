//! `cargo headwater`: the operators' command line.

fn main() -> std::process::ExitCode {
    headwater::admin::main(&shop::services())
}
