//! What every command is given.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use crate::client::Api;
use crate::config::Settings;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::Global;
use crate::output::Out;

/// The options that all commands share, and where output goes.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) out: Out,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        let out = Out::new(global.output, global.color, global.quiet);
        Self { global, out }
    }

    /// Which server, and with which token.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        Settings::resolve(&self.global)
    }

    /// The server that this command talks to.
    pub(crate) fn api(&self) -> Result<Api, Failure> {
        Api::remote(&self.settings()?)
    }
}

/// Runs a command's asynchronous part on this one thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
    runtime.block_on(work)
}

/// A runtime for a whole stack.
pub(crate) fn multi_thread() -> Result<Runtime, Failure> {
    Builder::new_multi_thread().enable_all().build().map_err(no_runtime)
}

fn no_runtime(error: std::io::Error) -> Failure {
    let message = format!("the runtime could not be started: {error}");
    Failure::new(Exit::Failed, "runtime", message, "free some file descriptors and try again")
}
