//! The file with the profiles: `~/.config/aob/config.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Places, Server};
use crate::exit::Exit;
use crate::failure::Failure;

/// All profiles, and which one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The profile that counts where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<ProfileName>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    profiles: BTreeMap<ProfileName, Profile>,
}

/// A server and a token for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Base URL of the server.
    pub(crate) server: Server,
    /// API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// Base URL of its approval pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approvals: Option<Server>,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Name of a profile: letters, digits, `-`, `_` and `.`, at most 64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ProfileName(String);

impl ProfileName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
            return Err("a profile's name has 1 to 64 letters, digits, `-`, `_` or `.`".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ProfileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0
    }
}

impl Profiles {
    /// Reads the file; without one there are no profiles.
    pub(crate) fn load(places: &Places) -> Result<Self, Failure> {
        let file = places.config_file()?;
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                let message = format!("{} cannot be read: {error}", file.display());
                let todo = "check the file's owner and mode, or name another one with --config";
                return Err(Failure::new(Exit::Usage, "config", message, todo));
            }
        };
        toml::from_str(&text).map_err(|error| {
            let message = format!("{} is not valid: {}", file.display(), error.message());
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            let todo = format!("correct line {line} of {}", file.display());
            Failure::new(Exit::Usage, "config", message, todo)
        })
    }

    /// Replaces the file, which only its owner may read. A reader sees the old one or the new one.
    pub(crate) fn store(&self, places: &Places) -> Result<(), Failure> {
        let file = places.config_file()?;
        self.write(&file).map_err(|error| {
            let message = format!("{} cannot be written: {error}", file.display());
            let todo = "check the directory's owner and mode, or name another file with --config";
            Failure::new(Exit::Usage, "config", message, todo)
        })
    }

    fn write(&self, file: &Path) -> io::Result<()> {
        let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let temp = dir.join(name);
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&temp);
        opened.and_then(|mut out| out.write_all(text.as_bytes()))?;
        fs::rename(&temp, file)
    }

    /// The profile of that name.
    pub(crate) fn get(&self, name: &ProfileName) -> Result<&Profile, Failure> {
        self.profiles.get(name).ok_or_else(|| {
            let message = format!("there is no profile `{name}`");
            Failure::new(Exit::NotFound, "unknown_profile", message, "aob config list")
        })
    }

    /// Adds or replaces a profile.
    pub(crate) fn put(&mut self, name: ProfileName, profile: Profile) {
        self.profiles.insert(name, profile);
    }

    /// All, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ProfileName, &Profile)> {
        self.profiles.iter()
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
