//! What people hand in: values, files, standard input, pairs, spans of time.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use aob_api::BudgetSpec;
use serde_json::{Map, Value};

use crate::exit::Exit;
use crate::failure::{Failure, Finding};

/// The longest text that is read from a file or from standard input.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// `-`, a file, or the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
    /// The text itself.
    Inline(String),
}

impl Source {
    /// `-`, a JSON value, or else the name of a file.
    pub(crate) fn json_or_file(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        let opens = text.trim_start().chars().next();
        let inline = matches!(opens, Some('{' | '[' | '"'))
            || matches!(text, "true" | "false" | "null")
            || text.parse::<f64>().is_ok_and(f64::is_finite);
        match (inline, text.is_empty()) {
            (true, _) => Ok(Self::Inline(text.to_owned())),
            (false, false) => Ok(Self::File(PathBuf::from(text))),
            (false, true) => Err("write a JSON value, a file or -".to_owned()),
        }
    }

    /// Its text.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        match self {
            Self::Inline(text) => Ok(text.clone()),
            Self::Stdin => read("standard input", io::stdin().lock()),
            Self::File(path) => match fs::File::open(path) {
                Ok(file) => read(&path.display().to_string(), file),
                Err(error) => Err(unreadable(&path.display().to_string(), &error)),
            },
        }
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Inline(_) => "the value".to_owned(),
        }
    }

    /// The command that says what is wrong with the document in it.
    pub(crate) fn validate(&self) -> String {
        match self {
            Self::File(path) => format!("aob workflow validate {}", path.display()),
            Self::Stdin | Self::Inline(_) => "pipe it into `aob workflow validate -`".to_owned(),
        }
    }

    /// The JSON value that it holds.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = format!("{} is not JSON: {error}", self.name());
            let todo = match self {
                Self::Inline(_) => {
                    "correct the JSON; in a shell, put it in single quotes".to_owned()
                }
                Self::Stdin => format!("correct what is piped in, at line {line}"),
                Self::File(path) => format!("correct {}:{line}:{column}", path.display()),
            };
            Failure::new(Exit::Usage, "invalid_json", message, todo)
        })
    }
}

/// The bytes of a file that holds at most so many.
pub(crate) fn bytes(path: &Path, max: usize) -> Result<Vec<u8>, Failure> {
    let name = path.display().to_string();
    let read = fs::File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(max as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = read.map_err(|error| unreadable(&name, &error))?;
    if bytes.len() > max {
        let message = format!("{name} is longer than {max} bytes");
        return Err(Failure::new(Exit::Limit, "too_large", message, "name another file"));
    }
    Ok(bytes)
}

fn read(name: &str, source: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let done = source.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes);
    done.map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        let message = format!("{name} is longer than {} MiB", TEXT_BYTES_MAX >> 20);
        return Err(Failure::new(Exit::Limit, "too_large", message, "make it smaller"));
    }
    String::from_utf8(bytes).map_err(|_| {
        let todo = format!("convert {name} to UTF-8");
        Failure::new(Exit::Usage, "not_text", format!("{name} is not UTF-8 text"), todo)
    })
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let exit = if missing { Exit::NotFound } else { Exit::Usage };
    let message = format!("{name} cannot be read: {error}");
    Failure::new(exit, "unreadable", message, "check the file's name and mode")
}

/// A workflow as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorkflowRef {
    /// A document in a file or on standard input.
    Document(Source),
    /// A tag, `TAG@VERSION`, or the digest of a stored document.
    Stored(String),
}

impl FromStr for WorkflowRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("write a file, a tag or -".to_owned());
        }
        if text == "-" {
            return Ok(Self::Document(Source::Stdin));
        }
        let path = Path::new(text);
        let known = path.extension().is_some_and(|e| e == "json" || e == "yaml" || e == "yml");
        if known || text.contains('/') {
            return Ok(Self::Document(Source::File(path.to_owned())));
        }
        Ok(Self::Stored(text.to_owned()))
    }
}

/// The document in a file or on standard input: its JSON text, converted where it is YAML.
pub(crate) fn document(source: &Source) -> Result<String, Failure> {
    let text = source.text()?;
    let yaml = match source {
        Source::File(path) => path.extension().is_some_and(|e| e == "yaml" || e == "yml"),
        Source::Stdin | Source::Inline(_) => !text.trim_start().starts_with('{'),
    };
    if !yaml {
        return Ok(text);
    }
    let value: Value = serde_saphyr::from_str(&text).map_err(|error| {
        let message = format!("{} is not valid YAML", source.name());
        let finding = Finding {
            pointer: String::new(),
            message: error.to_string(),
            hint: None,
            example: None,
        };
        let todo = format!("correct {}", source.name());
        Failure::new(Exit::Usage, "invalid_yaml", message, todo).with_findings(vec![finding])
    })?;
    Ok(value.to_string())
}

/// `name=value`, both as text.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as name=value".to_owned()),
    }
}

/// `name=value`, the value being JSON where it is, and a string where it is not.
pub(crate) fn json_pair(text: &str) -> Result<(String, Value), String> {
    let (name, value) = pair(text)?;
    let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
    Ok((name, value))
}

/// The inputs of a run: an object from `--inputs`, and the pairs of `--input` over it.
pub(crate) fn inputs(
    whole: Option<&Source>,
    pairs: &[(String, Value)],
) -> Result<Option<Value>, Failure> {
    let whole = whole.map(Source::json).transpose()?;
    if pairs.is_empty() {
        return Ok(whole);
    }
    let mut object = match whole {
        None => Map::new(),
        Some(Value::Object(object)) => object,
        Some(_) => {
            let message = "--input sets keys of an object, and --inputs is not one";
            return Err(Failure::usage(message, "use only one of --inputs and --input"));
        }
    };
    object.extend(pairs.iter().cloned());
    Ok(Some(Value::Object(object)))
}

/// A span of time: `30s`, `5m`, `1h30m`, `30d`, or seconds.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "write a span of time such as 30s, 5m or 1h30m".to_owned();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        return Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

/// Caps on spending: `usd=5,calls=100`.
pub(crate) fn budget(text: &str) -> Result<BudgetSpec, String> {
    let mut spec = BudgetSpec::default();
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').ok_or("write calls=N, tokens=N or usd=N")?;
        let count = || value.parse().map_err(|_| format!("`{value}` is not a count"));
        match name {
            "calls" => spec.calls = Some(count()?),
            "tokens" => spec.tokens = Some(count()?),
            "usd" => {
                let usd = value.parse().map_err(|_| format!("`{value}` is not an amount"))?;
                spec.usd = Some(usd);
            }
            _ => return Err(format!("`{name}` is none of calls, tokens, usd")),
        }
    }
    match spec.problems("").first() {
        Some(problem) => Err(problem.message.clone()),
        None => Ok(spec),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_files_are_told_apart() {
        let inline = |text: &str| Source::Inline(text.to_owned());
        let file = |text: &str| Source::File(text.into());
        let cases = [
            ("-", Source::Stdin),
            ("{}", inline("{}")),
            (" [1]", inline(" [1]")),
            ("\"a\"", inline("\"a\"")),
            ("12.5", inline("12.5")),
            ("null", inline("null")),
            ("in.json", file("in.json")),
            ("nan", file("nan")),
            ("./12", file("./12")),
        ];
        for (text, source) in cases {
            assert_eq!(Source::json_or_file(text), Ok(source), "{text}");
        }
        assert!(Source::json_or_file("").is_err());
    }

    #[test]
    fn files_and_tags_are_told_apart() {
        let file = |text: &str| WorkflowRef::Document(Source::File(text.into()));
        let stored = |text: &str| WorkflowRef::Stored(text.to_owned());
        let cases = [
            ("-", WorkflowRef::Document(Source::Stdin)),
            ("wf.json", file("wf.json")),
            ("wf.yml", file("wf.yml")),
            ("dir/wf", file("dir/wf")),
            ("onboarding", stored("onboarding")),
            ("onboarding@3", stored("onboarding@3")),
            ("sha256:00", stored("sha256:00")),
            ("v1.2", stored("v1.2")),
        ];
        for (text, workflow) in cases {
            assert_eq!(text.parse(), Ok(workflow), "{text}");
        }
        assert!("".parse::<WorkflowRef>().is_err());
    }

    #[test]
    fn spans_of_time() {
        let cases = [("30", 30), ("30s", 30), ("5m", 300), ("1h30m", 5_400), ("PT2S", 2), ("0", 0)];
        for (text, seconds) in cases {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "x", "-3s", "5 parsecs", "1e9"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn caps_on_spending() {
        let spec = |calls, tokens, usd| BudgetSpec { calls, tokens, usd };
        let cases = [
            ("usd=5", spec(None, None, Some(5.0))),
            ("calls=100,usd=0.5", spec(Some(100), None, Some(0.5))),
            ("tokens=0", spec(None, Some(0), None)),
        ];
        for (text, expected) in cases {
            assert_eq!(budget(text), Ok(expected), "{text}");
        }
        for text in ["", "5", "usd", "usd=", "usd=nan", "usd=-1", "calls=1.5", "eur=3", "usd=2e9"] {
            assert!(budget(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_hold_json_or_text() {
        let cases = [
            ("n=3", "n", serde_json::json!(3)),
            ("name=Ada", "name", serde_json::json!("Ada")),
            ("o={\"a\":[true]}", "o", serde_json::json!({"a": [true]})),
            ("empty=", "empty", serde_json::json!("")),
            ("eq=a=b", "eq", serde_json::json!("a=b")),
        ];
        for (text, name, value) in cases {
            assert_eq!(json_pair(text), Ok((name.to_owned(), value)), "{text}");
        }
        assert!(json_pair("=3").is_err());
        assert!(json_pair("abc").is_err());
    }

    #[test]
    fn pairs_lie_over_the_object() {
        let whole = Source::Inline(r#"{"a": 1, "b": 2}"#.to_owned());
        let pairs = [("b".to_owned(), Value::from(3))];
        let both = inputs(Some(&whole), &pairs).unwrap();
        assert_eq!(both, Some(serde_json::json!({"a": 1, "b": 3})));
        assert_eq!(inputs(None, &[]).unwrap(), None);
        let list = Source::Inline("[1]".to_owned());
        assert!(inputs(Some(&list), &pairs).is_err());
        assert_eq!(inputs(Some(&list), &[]).unwrap(), Some(serde_json::json!([1])));
    }
}
