//! `cargo local`: see [`headwater_local::main`].

fn main() -> std::process::ExitCode {
    headwater_local::main()
}
