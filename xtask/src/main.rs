//! Tasks of this repository: `cargo xtask <task>`.

mod codegen;
mod layers;
mod nodes;
mod tidy;
mod wasm;

use std::process::ExitCode;

const USAGE: &str =
    "usage: cargo xtask check | codegen [--check] | layers | tidy | wasm build|verify";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["codegen"] => codegen::write(),
        ["codegen", "--check"] => codegen::check(),
        ["layers"] => layers::check(),
        ["tidy"] => tidy::check(),
        ["wasm", "build"] => wasm::build(),
        ["wasm", "verify"] => wasm::verify(),
        ["check"] => layers::check()
            .and_then(|()| tidy::check())
            .and_then(|()| codegen::check())
            .and_then(|()| wasm::check()),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place where a task speaks")]
fn report(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
