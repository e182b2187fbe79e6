//! Settings: what a file, the environment and flags say, each over the one before.

mod keys;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use self::keys::{KEYS, find, variable};
pub use self::keys::{Key, Shown};

/// Names that are at least this similar are suggested.
const SIMILAR: f64 = 0.7;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave one.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// `--set`, or a flag of its own.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// What is wrong with the settings. Values are not shown: they may be secrets.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings in {path} cannot be read")]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}, line {line}: this is not TOML")]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// Where.
        line: usize,
    },
    /// There is no such key.
    #[error("{from}: there is no setting `{name}`{hint}")]
    Unknown {
        /// Its name.
        name: String,
        /// Where it stands.
        from: Source,
        /// What may be meant.
        hint: String,
    },
    /// A value is not of the kind that the key has.
    #[error("{key} (from {from}): {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// Where the value comes from.
        from: Source,
        /// What is wrong.
        problem: String,
    },
    /// A key that is needed has no value.
    #[error("{key} is not set: {help}; say `--set {key}=...`, or {variable} in the environment")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it means.
        help: &'static str,
        /// Its variable.
        variable: String,
    },
    /// A flag is not `key=value`.
    #[error("`--set {0}` is not of the form KEY=VALUE")]
    Flag(String),
}

#[derive(Debug, Clone)]
struct Entry {
    value: String,
    from: Source,
}

/// The settings of a process.
#[derive(Clone)]
pub struct Settings {
    entries: BTreeMap<&'static str, Entry>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Default for Settings {
    /// The defaults.
    fn default() -> Self {
        let entry =
            |key: &Key| (key.name, Entry { value: key.default.to_owned(), from: Source::Default });
        Self { entries: KEYS.iter().map(entry).collect() }
    }
}

impl Settings {
    /// What these say together: `file`, then `variables` (a lookup in the environment), then
    /// `flags` of the form `key=value`.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn load(
        file: Option<&Path>,
        variables: impl Fn(&str) -> Option<String>,
        flags: &[String],
    ) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        if let Some(path) = file {
            settings.read(path)?;
        }
        for key in KEYS {
            let name = variable(key);
            if let Some(value) = variables(&name) {
                settings.entries.insert(key.name, Entry { value, from: Source::Variable(name) });
            }
        }
        for flag in flags {
            let (name, value) =
                flag.split_once('=').ok_or_else(|| SettingsError::Flag(flag.clone()))?;
            settings.put(name.trim(), value.trim().to_owned(), Source::Flag)?;
        }
        Ok(settings)
    }

    fn read(&mut self, path: &Path) -> Result<(), SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| {
            // The parser's own words may quote the line, and with it a secret.
            let offset = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
            SettingsError::Syntax { path: path.to_owned(), line }
        })?;
        let from = Source::File(path.to_owned());
        for (section, values) in table {
            let toml::Value::Table(values) = values else {
                return Err(unknown(&section, from));
            };
            for (name, value) in values {
                let name = format!("{section}.{name}");
                let Some(value) = text_of(&value) else {
                    return Err(unknown(&name, from));
                };
                self.put(&name, value, from.clone())?;
            }
        }
        Ok(())
    }

    fn put(&mut self, name: &str, value: String, from: Source) -> Result<(), SettingsError> {
        let Some(key) = find(name) else { return Err(unknown(name, from)) };
        self.entries.insert(key.name, Entry { value, from });
        Ok(())
    }

    /// The value of a key; `None` where it is empty.
    ///
    /// # Errors
    /// If the value cannot be read as a `T`, or there is no such key, which is a defect.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<Option<T>, SettingsError>
    where
        T::Err: fmt::Display,
    {
        let Some((key, entry)) = self.entries.get_key_value(name) else {
            return Err(unknown(name, Source::Default));
        };
        if entry.value.is_empty() {
            return Ok(None);
        }
        entry.value.parse().map(Some).map_err(|error: T::Err| SettingsError::Value {
            key,
            from: entry.from.clone(),
            problem: error.to_string(),
        })
    }

    /// The value of a key that must have one.
    ///
    /// # Errors
    /// As [`Settings::get`]; also if it is empty.
    pub fn need<T: FromStr>(&self, name: &str) -> Result<T, SettingsError>
    where
        T::Err: fmt::Display,
    {
        self.get(name)?.ok_or_else(|| match find(name) {
            Some(key) => {
                SettingsError::Missing { key: key.name, help: key.help, variable: variable(key) }
            }
            None => unknown(name, Source::Default),
        })
    }

    /// Says that the value of a key will not do.
    pub fn wrong(&self, name: &str, problem: impl fmt::Display) -> SettingsError {
        match self.entries.get_key_value(name) {
            Some((key, entry)) => {
                SettingsError::Value { key, from: entry.from.clone(), problem: problem.to_string() }
            }
            None => unknown(name, Source::Default),
        }
    }
}

/// What is in effect, a line per key with its source, as TOML would spell it; secrets are masked.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for key in KEYS {
            let Some(entry) = self.entries.get(key.name) else { continue };
            let (own, name) = key.name.split_once('.').unwrap_or(("", key.name));
            if own != section {
                writeln!(f, "{}[{own}]", if section.is_empty() { "" } else { "\n" })?;
                section = own;
            }
            let value = toml::Value::String(shown(key, &entry.value));
            writeln!(f, "{name} = {value} # {}", entry.from)?;
        }
        Ok(())
    }
}

fn shown(key: &Key, value: &str) -> String {
    match key.shown {
        Shown::Whole => value.to_owned(),
        Shown::Never if value.is_empty() => String::new(),
        Shown::Never => "***".to_owned(),
        Shown::Url => match url::Url::parse(value) {
            Ok(mut url) => {
                if url.password().is_some() {
                    // A URL that has a password has a place for one.
                    let _has_host = url.set_password(Some("***"));
                }
                // Addresses of databases may carry a password in their query as well.
                if url.query().is_some() {
                    url.set_query(Some("***"));
                }
                url.to_string()
            }
            Err(_) if value.is_empty() => String::new(),
            Err(_) => "***".to_owned(),
        },
    }
}

fn unknown(name: &str, from: Source) -> SettingsError {
    let similarity = |key: &&Key| strsim::jaro_winkler(name, key.name);
    let nearest = KEYS.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let nearest = nearest.filter(|key| similarity(key) >= SIMILAR);
    let hint = nearest.map_or_else(String::new, |key| format!("; did you mean `{}`?", key.name));
    SettingsError::Unknown { name: name.to_owned(), from, hint }
}

/// A scalar as text; a list of scalars separated by commas.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Array(values) => {
            values.iter().map(text_of).collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests;
