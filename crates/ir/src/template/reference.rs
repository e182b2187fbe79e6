//! The grammar of references: `$nodes.fetch.body.items[0] ?? "none"`.

use std::sync::Arc;

use serde_json::Value;

use crate::path::Step;

/// What a reference reads, and what it falls back to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference {
    /// As written, without surrounding white space.
    pub(crate) text: Box<str>,
    /// Tried in order; never empty.
    pub(crate) paths: Vec<Path>,
    /// Where every path is missing or null.
    pub(crate) default: Option<Value>,
}

/// One path from a root.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) root: RefRoot,
    pub(crate) steps: Vec<Step>,
}

/// Owned form of [`super::Root`], and secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RefRoot {
    Node(Arc<str>),
    Inputs,
    Run,
    Input,
    Item,
    Index,
    Iteration,
    Secret(Arc<str>),
}

/// What is wrong with a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Malformed {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The words that a reference can start with.
pub(crate) const ROOTS: [&str; 8] =
    ["nodes", "inputs", "input", "run", "item", "index", "iteration", "secrets"];

/// Whether `text` (after its `$`) starts with something that can only be meant as a reference: a
/// known root at a word boundary, or a misspelled one that a path follows.
pub(crate) fn looks_like_reference(text: &str) -> bool {
    let word = leading_word(text);
    if ROOTS.contains(&word) {
        return true;
    }
    let is_lower = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_lower && matches!(text.as_bytes().get(word.len()), Some(b'.' | b'['))
}

fn leading_word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// Reads references from a text.
pub(crate) struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Inside `${...}`, where the `$` of a reference may be left out.
    braces: bool,
}

impl<'a> Parser<'a> {
    /// A parser of `text` from byte `at`. With `braces`, `at` is behind `${`.
    pub(crate) fn new(text: &'a str, at: usize, braces: bool) -> Self {
        Self { text, at, braces }
    }

    /// Parses a reference up to the end of the text, or up to and with the closing brace.
    /// Returns it and the position behind it.
    pub(crate) fn parse(mut self) -> Result<(Reference, usize), Malformed> {
        self.skip_space();
        let start = self.at;
        let mut paths = vec![self.path()?];
        let mut default = None;
        self.skip_space();
        while self.eat("??") {
            self.skip_space();
            if self.at_reference() {
                paths.push(self.path()?);
                self.skip_space();
            } else {
                default = Some(self.literal()?);
                self.skip_space();
                break;
            }
        }
        let text = self.text[start..self.at].trim_end().into();
        self.end()?;
        check_secrets(&paths, default.is_some())?;
        Ok((Reference { text, paths, default }, self.at))
    }

    fn end(&mut self) -> Result<(), Malformed> {
        let rest = &self.text[self.at..];
        if self.braces {
            if self.eat("}") {
                return Ok(());
            }
            let message = if rest.is_empty() {
                "`${` is never closed".to_owned()
            } else {
                format!("expected `}}` before `{}`", excerpt(rest))
            };
            return Err(Malformed::new(message).hint(SHAPE));
        }
        if rest.is_empty() {
            return Ok(());
        }
        let malformed = Malformed::new(format!("unexpected `{}` after a reference", excerpt(rest)));
        Err(malformed.hint("write `${...}` to put a value into a text, `$$` for a literal dollar"))
    }

    fn path(&mut self) -> Result<Path, Malformed> {
        if !self.eat("$") && !self.braces {
            return Err(Malformed::new("expected a reference that starts with `$`").hint(SHAPE));
        }
        let word = leading_word(&self.text[self.at..]);
        self.at += word.len();
        let root = match word {
            "nodes" => RefRoot::Node(self.name("a node id", "$nodes.fetch.body")?),
            "secrets" => RefRoot::Secret(self.name("the name of a secret", "$secrets.api_key")?),
            "inputs" => RefRoot::Inputs,
            "input" => RefRoot::Input,
            "run" => RefRoot::Run,
            "item" => RefRoot::Item,
            "index" => RefRoot::Index,
            "iteration" => RefRoot::Iteration,
            other => return Err(unknown_root(other)),
        };
        let mut steps = Vec::new();
        while let Some(step) = self.step()? {
            steps.push(step);
        }
        if !steps.is_empty() && matches!(root, RefRoot::Index | RefRoot::Iteration) {
            return Err(Malformed::new(format!("`${word}` is a number and has no parts")));
        }
        if !steps.is_empty() && matches!(root, RefRoot::Secret(_)) {
            return Err(Malformed::new("a secret is a text and has no parts"));
        }
        Ok(Path { root, steps })
    }

    fn name(&mut self, what: &str, example: &str) -> Result<Arc<str>, Malformed> {
        match self.step()? {
            Some(Step::Key(key)) => Ok(key.into()),
            Some(Step::Index(_)) | None => {
                Err(Malformed::new(format!("expected {what}, such as `{example}`")))
            }
        }
    }

    /// `.key`, `[0]` or `['key']`.
    fn step(&mut self) -> Result<Option<Step>, Malformed> {
        if self.eat(".") {
            let rest = &self.text[self.at..];
            let end = rest.find(|c: char| !is_key_char(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(Malformed::new("expected a name after `.`")
                    .hint("names with other characters go in brackets: `['a name']`"));
            }
            self.at += end;
            return Ok(Some(Step::Key(rest[..end].into())));
        }
        if !self.eat("[") {
            return Ok(None);
        }
        let step = match self.text[self.at..].chars().next() {
            Some('\'' | '"') => Step::Key(self.quoted()?.into()),
            _ => self.index()?,
        };
        if self.eat("]") { Ok(Some(step)) } else { Err(Malformed::new("expected `]`")) }
    }

    fn index(&mut self) -> Result<Step, Malformed> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        self.at += end;
        rest[..end].parse().map(Step::Index).map_err(|_| {
            Malformed::new("expected an index such as `[0]` or a key such as `['name']`")
        })
    }

    /// A text in single or double quotes; a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, Malformed> {
        let mut chars = self.text[self.at..].char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut out = String::new();
        while let Some((offset, c)) = chars.next() {
            if Some(c) == quote {
                self.at += offset + 1;
                return Ok(out);
            }
            if c == '\\' {
                out.extend(chars.next().map(|(_, escaped)| escaped));
            } else {
                out.push(c);
            }
        }
        Err(Malformed::new("a quoted text is never closed"))
    }

    /// A JSON literal, or a text in single quotes.
    fn literal(&mut self) -> Result<Value, Malformed> {
        let rest = &self.text[self.at..];
        if rest.starts_with('\'') {
            return self.quoted().map(Value::String);
        }
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                self.at += stream.byte_offset();
                Ok(value)
            }
            Some(Err(_)) | None => Err(Malformed::new(format!(
                "expected a default after `??`, found `{}`",
                excerpt(rest)
            ))
            .hint("a default is JSON (`0`, `\"text\"`, `[]`), a text in single quotes, or another reference")),
        }
    }

    fn at_reference(&self) -> bool {
        let rest = &self.text[self.at..];
        rest.starts_with('$') || (self.braces && ROOTS.contains(&leading_word(rest)))
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }
}

const SHAPE: &str = "a reference looks like `$nodes.<id>.<path>`, `$inputs.<path>` or `$secrets.<name>`, with `?? default` at its end";

fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// A secret is filled in by the runner, so nothing can be decided about it here.
fn check_secrets(paths: &[Path], default: bool) -> Result<(), Malformed> {
    let has_secret = paths.iter().any(|path| matches!(path.root, RefRoot::Secret(_)));
    if has_secret && (default || paths.len() > 1) {
        return Err(Malformed::new("a secret cannot have a default or be one"));
    }
    Ok(())
}

fn unknown_root(word: &str) -> Malformed {
    let malformed = if word.is_empty() {
        Malformed::new("expected a reference")
    } else {
        Malformed::new(format!("`${word}` is not something a reference can start with"))
    };
    let known = "known are $nodes, $inputs, $input, $run, $item, $index, $iteration and $secrets; `$$` is a literal dollar";
    match word {
        "output" | "outputs" | "ctx" | "node" | "steps" => {
            malformed.hint("the output of a node is `$nodes.<id>`")
        }
        "env" | "secret" => malformed.hint("secrets are read as `$secrets.<name>`"),
        "workflow" | "params" => malformed.hint("the inputs of the run are `$inputs`"),
        _ => match crate::names::nearest(word, ROOTS) {
            Some(near) => malformed.hint(format!("did you mean `${near}`?")),
            None => malformed.hint(known),
        },
    }
}

/// The first characters of `text`, for a message.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 20;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
