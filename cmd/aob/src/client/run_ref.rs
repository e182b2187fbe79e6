//! How people name a run: its id, the beginning of its id, or `@latest`.

use std::fmt;
use std::str::FromStr;

use aob_api::RunSummary;
use aob_engine::RunId;

use super::{Api, Call};
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs that are searched for the beginning of an id, newest first.
const SEARCHED_MAX: usize = 2_000;
/// The fewest characters that count as the beginning of an id.
const PREFIX_MIN: usize = 4;

/// A run as it was named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunRef {
    /// By its id.
    Id(RunId),
    /// By the beginning of its id.
    Prefix(String),
    /// The newest.
    Latest,
}

impl FromStr for RunRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "@latest" {
            return Ok(Self::Latest);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let hex = |c: char| c.is_ascii_hexdigit() || c == '-';
        if text.len() >= PREFIX_MIN && text.len() < 36 && text.chars().all(hex) {
            return Ok(Self::Prefix(text.to_ascii_lowercase()));
        }
        Err(format!("a run is named by its id, at least {PREFIX_MIN} characters of it, or @latest"))
    }
}

impl fmt::Display for RunRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Prefix(prefix) => f.write_str(prefix),
            Self::Latest => f.write_str("@latest"),
        }
    }
}

impl Api {
    /// The id of the run that is meant.
    pub(crate) async fn run_id(&self, run: &RunRef) -> Result<String, Failure> {
        match run {
            RunRef::Id(id) => Ok(id.to_string()),
            RunRef::Latest => {
                let newest = self.pages::<RunSummary>(Call::get(&["runs"]), 1).await?;
                let newest =
                    newest.items.first().ok_or_else(|| unknown("there are no runs yet"))?;
                Ok(newest.view.id.to_string())
            }
            RunRef::Prefix(prefix) => self.run_with_prefix(prefix).await,
        }
    }

    async fn run_with_prefix(&self, prefix: &str) -> Result<String, Failure> {
        let runs = self.pages::<RunSummary>(Call::get(&["runs"]), SEARCHED_MAX).await?;
        let ids = runs.items.iter().map(|run| run.view.id.to_string());
        let found: Vec<String> = ids.filter(|id| id.starts_with(prefix)).collect();
        match &found[..] {
            [only] => Ok(only.clone()),
            [] if runs.next_cursor.is_some() => Err(unknown(&format!(
                "none of the newest {SEARCHED_MAX} runs begins with `{prefix}`"
            ))),
            [] => Err(unknown(&format!("no run begins with `{prefix}`"))),
            [first, second, ..] => {
                let count = found.len();
                let message = format!("{count} runs begin with `{prefix}`: {first}, {second}, ...");
                Err(Failure::usage(message, "write more of the id"))
            }
        }
    }
}

fn unknown(message: &str) -> Failure {
    Failure::new(Exit::NotFound, "run_not_found", message, "aob run list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_named_in_three_ways() {
        let id = "01980000-0000-7000-8000-000000000001";
        assert_eq!(id.parse(), Ok(RunRef::Id(id.parse().unwrap())));
        assert_eq!("0198A-".parse(), Ok(RunRef::Prefix("0198a-".to_owned())));
        assert_eq!("@latest".parse(), Ok(RunRef::Latest));
        for text in ["", "019", "latest", "@newest", "nope", "01980000-0000-7000-8000-00000000000g"]
        {
            assert!(text.parse::<RunRef>().is_err(), "{text}");
        }
    }
}
