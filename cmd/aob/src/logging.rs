//! Log lines of this process, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::grammar::Global;

/// Starts logging by `--log`, or by `default` where it is not given.
pub(crate) fn start(global: &Global, default: &str) -> Result<(), Failure> {
    let text = global.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(text).map_err(|error| {
        let message = format!("`{text}` is not a log filter: {error}");
        Failure::usage(message, "write --log warn, or --log aob_runner=debug,warn")
    })?;
    let ansi = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi);
    // A second start in the same process keeps the first.
    let _ = lines.with_writer(std::io::stderr).try_init();
    Ok(())
}
