//! The secrets of `aob dev`: a TOML file of names and values.

use std::collections::BTreeMap;
use std::path::Path;

use aob_runner::{MapSecrets, Secret};
use serde::Deserialize;

use crate::exit::Exit;
use crate::failure::Failure;

/// A value, or a value that only some hosts may see.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Plain(String),
    Bound(Bound),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    value: String,
    hosts: Vec<String>,
}

/// Reads a file such as
///
/// ```toml
/// crm = "s3cret"
/// [payments]
/// value = "sk_live_1"
/// hosts = ["api.payments.example"]
/// ```
pub(crate) fn read(file: &Path) -> Result<MapSecrets, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let message = format!("the secrets in {} cannot be read: {error}", file.display());
        Failure::new(Exit::Usage, "secrets", message, "check the file's name and mode")
    })?;
    parse(&text).map_err(|line| {
        // The parser's own words may quote the line, and with it a secret.
        let message = format!("{} is not a file of secrets, at line {line}", file.display());
        let todo = "write `name = \"value\"`, or a table with `value` and `hosts`";
        Failure::new(Exit::Usage, "secrets", message, todo)
    })
}

/// The secrets, or the line of the first mistake.
fn parse(text: &str) -> Result<MapSecrets, usize> {
    let entries: BTreeMap<String, Entry> = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    })?;
    Ok(entries.into_iter().fold(MapSecrets::default(), |secrets, (name, entry)| {
        let secret = match entry {
            Entry::Plain(value) => Secret::new(value),
            Entry::Bound(Bound { value, hosts }) => Secret::new(value).only_for(hosts),
        };
        secrets.with(None, &name, secret)
    }))
}

#[cfg(test)]
mod tests {
    use aob_engine::WorkspaceId;
    use aob_runner::Secrets;

    use super::*;

    #[tokio::test]
    async fn names_values_and_hosts() {
        let text = "crm = \"a\"\n[pay]\nvalue = \"b\"\nhosts = [\"api.example\"]\n";
        let secrets = parse(text).unwrap();
        let workspace = WorkspaceId(uuid::Uuid::nil());
        let crm = secrets.get(workspace, "crm").await.unwrap().unwrap();
        assert_eq!(crm.expose(), "a");
        assert!(crm.allows(Some("anywhere.example")));
        let pay = secrets.get(workspace, "pay").await.unwrap().unwrap();
        assert!(pay.allows(Some("api.example")) && !pay.allows(Some("other.example")));
        assert!(secrets.get(workspace, "none").await.unwrap().is_none());
    }

    #[test]
    fn mistakes_are_named_by_their_line_only() {
        let cases =
            [("a = \"1\"\nb = \n", 2), ("a = 1\n", 1), ("[p]\nvalue = \"x\"\nhost = []\n", 1)];
        for (text, line) in cases {
            assert_eq!(parse(text).err(), Some(line), "{text}");
        }
    }
}
