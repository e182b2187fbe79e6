//! How a process begins and ends.

use std::path::PathBuf;

use crate::{Settings, SettingsError};

/// Where the settings of a process are. Each of these is over the one before: what is built in, the
/// file, variables such as `AOB_KAFKA_BROKERS`, flags.
#[derive(Debug, Clone, clap::Args)]
pub struct CommonArgs {
    /// A file of settings, in TOML.
    #[arg(long, env = "AOB_SETTINGS", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// A setting, such as `kafka.brokers=host:9092`. Can be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub set: Vec<String>,
}

impl CommonArgs {
    /// What they say together.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        #[expect(clippy::disallowed_methods, reason = "the one place where settings are read")]
        let variables = |name: &str| std::env::var(name).ok();
        Settings::load(self.config.as_deref(), variables, &self.set)
    }
}

/// Writes logs to stderr; `RUST_LOG` says which, information of all parts if it does not.
#[cfg(feature = "adapters")]
pub fn write_logs() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Cancels the token at the first SIGTERM or SIGINT.
///
/// # Errors
/// If the signals cannot be had.
#[cfg(feature = "adapters")]
pub fn stop_when_asked() -> std::io::Result<tokio_util::sync::CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let asked = tokio_util::sync::CancellationToken::new();
    let cancelled = asked.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        tracing::info!("asked to stop");
        cancelled.cancel();
    });
    Ok(asked)
}
