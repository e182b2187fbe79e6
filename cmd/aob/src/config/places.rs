//! Where this program keeps its files: per user, as the XDG rules say.

use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::failure::Failure;

/// The directories as options and environment give them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) config: Option<PathBuf>,
    pub(crate) xdg_config_home: Option<PathBuf>,
    pub(crate) xdg_data_home: Option<PathBuf>,
    /// `AOB_DATA`.
    pub(crate) data: Option<PathBuf>,
}

impl Places {
    /// The file with the profiles.
    pub(crate) fn config_file(&self) -> Result<PathBuf, Failure> {
        match &self.config {
            Some(file) => Ok(file.clone()),
            None => Ok(base(self.xdg_config_home.as_deref(), ".config")?.join("aob/config.toml")),
        }
    }

    /// The data directory that is used where none is named.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Failure> {
        match &self.data {
            Some(dir) => Ok(dir.clone()),
            None => Ok(base(self.xdg_data_home.as_deref(), ".local/share")?.join("aob")),
        }
    }
}

/// An XDG base directory; a relative one counts as unset.
fn base(xdg: Option<&Path>, below_home: &str) -> Result<PathBuf, Failure> {
    if let Some(dir) = xdg.filter(|dir| dir.is_absolute()) {
        return Ok(dir.to_owned());
    }
    match std::env::home_dir().filter(|home| home.is_absolute()) {
        Some(home) => Ok(home.join(below_home)),
        None => Err(Failure::new(
            Exit::Usage,
            "no_home",
            "there is no home directory to keep files in",
            "set HOME, or name the files with --config and --data",
        )),
    }
}
