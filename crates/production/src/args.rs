//! What programs are started with.

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
