//! wasm-bindgen's test runner, which `cargo test --target wasm32-unknown-unknown` calls with each test binary.
//!
//! A package of its own, because only the tests need it and `cargo xtask run` should not compile it.

use std::process::ExitCode;

use wasm_bindgen_cli::wasm_bindgen_test_runner;

fn main() -> ExitCode {
    match wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
