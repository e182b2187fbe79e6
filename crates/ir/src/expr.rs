//! CEL expressions over the values of a run.
//!
//! Parsing and evaluation are the `cel` crate's; bounds are ours, because it has none. Between the
//! two, the syntax tree is rewritten once:
//!
//! * every path that starts at a variable (`output.body.score`) becomes one slot, so evaluation
//!   converts exactly what is read, and a path that leads nowhere can be explained;
//! * every list or map that a macro walks, and every value that is copied, is charged to a budget,
//!   so the time and memory of an evaluation are bounded; maps are walked in the order of their
//!   keys, so the same input always gives the same output;
//! * patterns of `matches` are compiled once where they are known, and charged where not;
//! * arithmetic between an integer and a fraction is done in fractions: whether a JSON number has
//!   a fraction depends on the data, not on the author.

mod eval;
mod functions;
mod rewrite;
mod scan;
mod value;

use std::sync::Arc;

use cel::parser::{Expression, PrattParser};
use serde_json::Value;

/// Bytes of source that an expression may have.
pub const MAX_SOURCE_BYTES: usize = 4096;
/// Items of a list that an expression may read.
pub const MAX_LIST_ITEMS: usize = 100_000;
/// Macros (`map`, `filter`, `all`, `exists`, `exists_one`) within each other.
pub const MAX_MACRO_NESTING: usize = 2;
/// Depth of the syntax tree: also the terms of a chain such as `a + b + c`.
const MAX_DEPTH: usize = 120;
/// Recursion of the parser, which bounds nested brackets.
const MAX_BRACKETS: usize = 32;
/// Nodes of the syntax tree.
const MAX_NODES: usize = 4096;

/// A compiled CEL expression. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Expr {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    source: Box<str>,
    rewritten: rewrite::Rewritten,
}

/// What an expression reads, so that its caller loads nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Reads `output`.
    pub output: bool,
    /// Reads `input`.
    pub input: bool,
    /// Reads `inputs`.
    pub inputs: bool,
    /// Reads `run`.
    pub run: bool,
    /// Reads `item`.
    pub item: bool,
    /// Reads `index`.
    pub index: bool,
    /// Nodes read as `ctx.<node>` or `ctx['<node>']`, sorted.
    pub nodes: Vec<Arc<str>>,
}

/// Values that an expression sees. Absent ones read as unknown variables.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bindings<'a> {
    /// What flows along the edge, or came out of the node.
    pub output: Option<&'a Value>,
    /// The node's input.
    pub input: Option<&'a Value>,
    /// The run's inputs.
    pub inputs: Option<&'a Value>,
    /// `{id, created_at, ...}` of the run.
    pub run: Option<&'a Value>,
    /// Outputs by node id.
    pub ctx: &'a [(Arc<str>, Arc<Value>)],
    /// The item of a filter or map.
    pub item: Option<&'a Value>,
    /// Its index.
    pub index: Option<u64>,
}

/// Why an expression cannot be compiled or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// For people.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl ExprError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Expr {
    /// Compiles `source`.
    ///
    /// # Errors
    /// If it is not CEL, too long, nested too deeply, or reads an unknown variable.
    pub fn compile(source: &str) -> Result<Self, ExprError> {
        let scanned = scan::scan(source)?;
        let tree = parse(&scanned)?;
        let rewritten = rewrite::rewrite(tree)?;
        Ok(Self { compiled: Arc::new(Compiled { source: source.into(), rewritten }) })
    }

    /// The source.
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// What it reads.
    pub fn needs(&self) -> &Needs {
        &self.compiled.rewritten.needs
    }

    /// The keys of `item` that it reads, as the first step of each path, sorted; `None` where it
    /// reads the item as a whole.
    pub fn item_keys(&self) -> Option<Vec<&str>> {
        self.compiled.rewritten.item_keys()
    }

    /// Whether everything in it is read on every evaluation, so that one that succeeds has found
    /// all of it: no `&&`, `||`, `? :`, `has()` and no macros.
    pub fn reads_everything(&self) -> bool {
        self.compiled.rewritten.reads_everything()
    }

    /// Evaluates it. Integral numbers within 2^53 are integers, in and out.
    ///
    /// # Errors
    /// If evaluation fails, needs too much, or gives something that is not JSON.
    pub fn eval(&self, bindings: &Bindings<'_>) -> Result<Value, ExprError> {
        eval::eval(&self.compiled.rewritten, bindings)
    }

    /// Evaluates it to a boolean.
    ///
    /// # Errors
    /// If evaluation fails or gives something else.
    pub fn eval_bool(&self, bindings: &Bindings<'_>) -> Result<bool, ExprError> {
        eval::eval_bool(&self.compiled.rewritten, bindings)
    }
}

fn parse(scanned: &scan::Scanned) -> Result<Expression, ExprError> {
    let parser = PrattParser::new()
        .max_recursion_depth(2 * MAX_BRACKETS as u16)
        .max_expression_node_count(MAX_NODES)
        .error_reporting_limit(1);
    parser.parse(&scanned.text).map_err(|errors| match errors.errors.first() {
        Some(error) => {
            let message = error.msg.trim().trim_start_matches("Syntax error: ");
            let message = match message {
                ends if ends.contains("'<EOF>'") => "the expression ends too early",
                other => other,
            };
            let (line, column) = scanned.position(error.pos);
            if line == 1 {
                ExprError::new(format!("at column {column}: {message}"))
            } else {
                ExprError::new(format!("at line {line}, column {column}: {message}"))
            }
        }
        None => ExprError::new("it is not a CEL expression"),
    })
}

#[cfg(test)]
mod tests;
