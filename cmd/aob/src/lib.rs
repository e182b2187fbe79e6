//! The command line of the product.
//!
//! ```text
//! main -> grammar (clap) -> commands/<noun> -> client -> a server, over HTTP
//!                               |         \-> embedded -> a coordinator in this process
//!                               v
//!                            output: data on stdout, everything else on stderr
//! ```
#![warn(missing_docs)]

mod client;
mod clock;
mod commands;
mod config;
mod context;
mod data_dir;
pub mod demo;
mod dev;
mod embedded;
mod entropy;
mod exit;
mod failure;
mod follow;
mod grammar;
mod input;
mod logging;
mod output;
mod shutdown;
mod stack;
mod walk;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::context::Context;
use crate::grammar::Cli;

/// Runs the command that `args` (the program's name first) spell out; answers its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => {
            let context = Context::new(cli.global);
            match cli.command.run(&context) {
                Ok(exit) => exit.into(),
                Err(failure) => context.out.failure(&failure).into(),
            }
        }
        Err(error) => grammar::refuse(&error, &args).into(),
    }
}
