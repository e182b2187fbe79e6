//! JSON with references: `$nodes.<id>.<path>`, `${...}`, `$inputs`, `$run`, `$secrets`, `$item`,
//! `$index`, `$iteration`, each with `?? default`.
//!
//! A string that is exactly one reference takes the value and its type. Elsewhere `${...}` puts a
//! value into a text: strings as they are, everything else as compact JSON; the `$` of the
//! reference inside may be left out. A default is used where the path leads nowhere or to null.
//! Where a dollar would start a reference, `$$` is a literal dollar: `$$nodes.x` is the text
//! `$nodes.x`, and `$${x}` the text `${x}`. Everywhere else a dollar is only a dollar. Keys of
//! objects are never references.

mod reference;
mod render;

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::reference::{Malformed, Parser};
pub(crate) use self::reference::{RefRoot, Reference};
use crate::Blob;
use crate::path::Step;

/// Values nested deeper than this are not compiled.
const MAX_DEPTH: usize = 128;

/// A compiled JSON value with references. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Template {
    source: Arc<Value>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Constant(Arc<Constant>),
    Dynamic(Arc<Part>),
}

/// A value without references, and its text once somebody wants it.
#[derive(Debug)]
struct Constant {
    value: Arc<Value>,
    blob: OnceLock<Arc<Blob>>,
}

impl Constant {
    fn of(value: Arc<Value>) -> Arc<Self> {
        Arc::new(Self { value, blob: OnceLock::new() })
    }
}

/// A compiled value; constant parts are kept whole.
#[derive(Debug, Clone)]
enum Part {
    Constant(Value),
    /// A string that is exactly one reference.
    Value(Reference),
    Text(Vec<Piece>),
    List(Vec<Part>),
    Object(Vec<(String, Part)>),
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Reference(Reference),
}

/// What a reference starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root<'a> {
    /// `$nodes.<id>`: the output of a node.
    Node(&'a str),
    /// `$inputs`.
    Inputs,
    /// `$run`.
    Run,
    /// `$input`: the node's own input.
    Input,
    /// `$item` of the innermost map.
    Item,
    /// `$index` of the innermost map.
    Index,
    /// `$iteration` of the innermost loop.
    Iteration,
}

/// Gives references their values.
pub trait Resolver {
    /// What stops rendering because it must be loaded first.
    type Missing;

    /// The value at `root`; `Ok(None)` where there is none (the node has no output here).
    ///
    /// # Errors
    /// If the value exists and must be loaded first.
    fn resolve(&self, root: Root<'_>) -> Result<Option<Arc<Value>>, Self::Missing>;
}

/// Why rendering stopped.
#[derive(Debug)]
pub enum RenderError<M> {
    /// Load and ask again.
    Missing(M),
    /// The reference leads nowhere and has no default.
    Unresolvable {
        /// The reference as written.
        reference: String,
        /// JSON pointer of the string within the template.
        pointer: String,
        /// What is missing.
        message: String,
    },
}

/// A rendered template.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The value; null wherever a secret goes.
    pub value: Value,
    /// Where secrets go.
    pub secrets: Vec<SecretSlot>,
}

/// A string of a rendered config that the runner completes with secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSlot {
    /// JSON pointer into the config.
    pub pointer: Arc<str>,
    /// The pieces of the string, in order.
    pub parts: Vec<SecretPart>,
}

/// A piece of a string with secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretPart {
    /// Literal text.
    Text(Arc<str>),
    /// The secret of this name.
    Secret(Arc<str>),
}

/// Something wrong in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// JSON pointer of the string within the template.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// One place where a template reads something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceUse<'a> {
    /// JSON pointer of the string within the template.
    pub pointer: String,
    /// The reference as written, defaults included.
    pub text: &'a str,
    /// The first key of the path.
    pub key: Option<&'a str>,
    /// Something else is there where this leads nowhere.
    pub optional: bool,
    /// What is read.
    pub reads: Reads<'a>,
}

/// What a reference reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads<'a> {
    /// A value of the run.
    Root(Root<'a>),
    /// The secret of this name.
    Secret(&'a str),
}

impl Template {
    /// Compiles `value`.
    ///
    /// # Errors
    /// Everything that is wrong with its references.
    pub fn compile(value: &Value) -> Result<Self, Vec<TemplateProblem>> {
        Self::compile_shared(Arc::new(value.clone()))
    }

    /// As [`Template::compile`], of a value that need not be copied.
    pub(crate) fn compile_shared(source: Arc<Value>) -> Result<Self, Vec<TemplateProblem>> {
        if is_plain(&source, 0) {
            return Ok(Self { body: Body::Constant(Constant::of(Arc::clone(&source))), source });
        }
        let mut compiler = Compiler { pointer: String::new(), depth: 0, problems: Vec::new() };
        let part = compiler.value(&source);
        if !compiler.problems.is_empty() {
            return Err(compiler.problems);
        }
        let body = match part {
            Part::Constant(constant) => Body::Constant(Constant::of(Arc::new(constant))),
            dynamic @ (Part::Value(_) | Part::Text(_) | Part::List(_) | Part::Object(_)) => {
                Body::Dynamic(Arc::new(dynamic))
            }
        };
        Ok(Self { source, body })
    }

    /// The value as written.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The value itself, where it holds no reference.
    pub fn constant(&self) -> Option<&Arc<Value>> {
        match &self.body {
            Body::Constant(constant) => Some(&constant.value),
            Body::Dynamic(_) => None,
        }
    }

    /// [`Template::constant`] as text, made once.
    pub fn constant_blob(&self) -> Option<&Arc<Blob>> {
        match &self.body {
            Body::Constant(constant) => {
                Some(constant.blob.get_or_init(|| Blob::of(Value::clone(&constant.value))))
            }
            Body::Dynamic(_) => None,
        }
    }

    /// Every place where it reads something, in document order.
    pub fn references(&self) -> Vec<ReferenceUse<'_>> {
        let mut found = Vec::new();
        if let Body::Dynamic(part) = &self.body {
            collect(part, &mut String::new(), &mut found);
        }
        found
    }

    /// Resolves every reference.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render<R: Resolver>(&self, resolver: &R) -> Result<Rendered, RenderError<R::Missing>> {
        match &self.body {
            Body::Constant(constant) => {
                Ok(Rendered { value: Value::clone(&constant.value), secrets: Vec::new() })
            }
            Body::Dynamic(part) => render::render(part, resolver),
        }
    }
}

impl RefRoot {
    fn reads(&self) -> Reads<'_> {
        Reads::Root(match self {
            Self::Node(id) => Root::Node(id),
            Self::Inputs => Root::Inputs,
            Self::Run => Root::Run,
            Self::Input => Root::Input,
            Self::Item => Root::Item,
            Self::Index => Root::Index,
            Self::Iteration => Root::Iteration,
            Self::Secret(name) => return Reads::Secret(name),
        })
    }
}

fn collect<'a>(part: &'a Part, pointer: &mut String, found: &mut Vec<ReferenceUse<'a>>) {
    match part {
        Part::Constant(_) => {}
        Part::Value(reference) => collect_reference(reference, pointer, found),
        Part::Text(pieces) => {
            for piece in pieces {
                match piece {
                    Piece::Text(_) => {}
                    Piece::Reference(reference) => collect_reference(reference, pointer, found),
                }
            }
        }
        Part::List(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let length = crate::pointer::push_index(pointer, index);
                collect(part, pointer, found);
                pointer.truncate(length);
            }
        }
        Part::Object(parts) => {
            for (key, part) in parts {
                let length = crate::pointer::push_key(pointer, key);
                collect(part, pointer, found);
                pointer.truncate(length);
            }
        }
    }
}

fn collect_reference<'a>(
    reference: &'a Reference,
    pointer: &str,
    found: &mut Vec<ReferenceUse<'a>>,
) {
    found.extend(reference.paths.iter().map(|path| ReferenceUse {
        pointer: pointer.to_owned(),
        text: &reference.text,
        key: match path.steps.first() {
            Some(Step::Key(key)) => Some(key),
            Some(Step::Index(_)) | None => None,
        },
        optional: reference.paths.len() > 1 || reference.default.is_some(),
        reads: path.root.reads(),
    }));
}

/// Whether a value holds no dollar that could mean anything, and is not too deep.
fn is_plain(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.contains('$'),
        Value::Array(_) | Value::Object(_) if depth == MAX_DEPTH => false,
        Value::Array(items) => items.iter().all(|item| is_plain(item, depth + 1)),
        Value::Object(map) => map.values().all(|item| is_plain(item, depth + 1)),
    }
}

struct Compiler {
    pointer: String,
    depth: usize,
    problems: Vec<TemplateProblem>,
}

impl Compiler {
    fn value(&mut self, value: &Value) -> Part {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Part::Constant(value.clone()),
            Value::String(text) => self.text(text),
            Value::Array(_) | Value::Object(_) if self.depth == MAX_DEPTH => {
                self.problem(Malformed {
                    message: format!("nested deeper than {MAX_DEPTH} levels"),
                    hint: None,
                });
                Part::Constant(Value::Null)
            }
            Value::Array(items) => {
                self.depth += 1;
                let part = self.list(items);
                self.depth -= 1;
                part
            }
            Value::Object(map) => {
                self.depth += 1;
                let part = self.object(map);
                self.depth -= 1;
                part
            }
        }
    }

    fn list(&mut self, items: &[Value]) -> Part {
        let mut parts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let length = crate::pointer::push_index(&mut self.pointer, index);
            parts.push(self.value(item));
            self.pointer.truncate(length);
        }
        if parts.iter().all(Part::is_constant) {
            return Part::Constant(parts.into_iter().filter_map(Part::into_constant).collect());
        }
        Part::List(parts)
    }

    fn object(&mut self, map: &serde_json::Map<String, Value>) -> Part {
        let mut parts = Vec::with_capacity(map.len());
        for (key, value) in map {
            let length = crate::pointer::push_key(&mut self.pointer, key);
            parts.push((key.clone(), self.value(value)));
            self.pointer.truncate(length);
        }
        if parts.iter().all(|(_, part)| part.is_constant()) {
            let constant = parts
                .into_iter()
                .filter_map(|(key, part)| Some((key, part.into_constant()?)))
                .collect();
            return Part::Constant(Value::Object(constant));
        }
        Part::Object(parts)
    }

    fn text(&mut self, text: &str) -> Part {
        if !text.contains('$') {
            return Part::Constant(Value::String(text.to_owned()));
        }
        let parsed = match text.strip_prefix('$') {
            Some(rest)
                if !rest.starts_with(['$', '{']) && reference::looks_like_reference(rest) =>
            {
                Parser::new(text, 0, false).parse().map(|(reference, _)| Part::Value(reference))
            }
            _ => pieces(text).map(part_of_pieces),
        };
        parsed.unwrap_or_else(|malformed| {
            self.problem(malformed);
            Part::Constant(Value::Null)
        })
    }

    fn problem(&mut self, malformed: Malformed) {
        self.problems.push(TemplateProblem {
            pointer: self.pointer.clone(),
            message: malformed.message,
            hint: malformed.hint,
        });
    }
}

impl Part {
    fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    fn into_constant(self) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value),
            Self::Value(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }
}

/// Splits a text at its `${...}`, and takes the escapes out.
fn pieces(text: &str) -> Result<Vec<Piece>, Malformed> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    if let Some(rest) = text.strip_prefix("$$")
        && reference::looks_like_reference(rest)
    {
        literal.push('$');
        at = 2;
    }
    while let Some(offset) = text[at..].find('$') {
        literal.push_str(&text[at..at + offset]);
        at += offset;
        let rest = &text[at..];
        if rest.starts_with("$${") {
            literal.push_str("${");
            at += 3;
        } else if rest.starts_with("${") {
            let (reference, end) = Parser::new(text, at + 2, true).parse()?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Reference(reference));
            at = end;
        } else {
            literal.push('$');
            at += 1;
        }
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

fn part_of_pieces(pieces: Vec<Piece>) -> Part {
    let mut text = String::new();
    for piece in &pieces {
        match piece {
            Piece::Text(literal) => text.push_str(literal),
            Piece::Reference(_) => return Part::Text(pieces),
        }
    }
    Part::Constant(Value::String(text))
}

#[cfg(test)]
mod tests;
