//! From a document to its compiled form, or to everything that is wrong with it.
//!
//! First numbers and depth; then structure along the schema ([`crate::structure`]), which also
//! takes the aliases out; then each node and edge by itself; then the graph with its cycles, loops
//! and joins; and last what reads what. Every step goes on after problems, so that all are
//! reported at once; only what would repeat a problem in other words is left out.

mod children;
mod edges;
mod expressions;
mod function;
mod graph;
mod http;
mod joins;
mod kind;
mod loops;
mod node;
mod policies;
mod spec;
mod unit;
mod upstream;

use std::sync::Arc;

use serde_json::{Number, Value};

use crate::diagnostic::{self, Code, Diagnostic, Diagnostics, Severity};
use crate::parse::{self, MAX_DOCUMENT_DEPTH};
use crate::pointer::{push_index, push_key};
use crate::{Dominators, EdgeIr, Ir, structure};

pub(crate) use graph::Adjacency;
pub use http::UrlOrigin;

/// A compiled document.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The compiled form.
    pub ir: Arc<Ir>,
    /// What a person should know all the same, in document order.
    pub warnings: Vec<Diagnostic>,
}

/// Parses and compiles the text of a document.
///
/// # Errors
/// See [`crate::parse_document`] and [`compile`].
pub fn compile_text(text: &str) -> Result<Compiled, Diagnostics> {
    compile_owned(crate::parse_document(text)?)
}

/// Compiles a document.
///
/// # Errors
/// Everything that is wrong with it, warnings included.
pub fn compile(document: &Value) -> Result<Compiled, Diagnostics> {
    compile_owned(document.clone())
}

/// In place: a document of some size is many times its text in memory, and better not copied.
fn compile_owned(mut document: Value) -> Result<Compiled, Diagnostics> {
    let mut numbers = Numbers { pointer: String::new(), problems: Vec::new() };
    numbers.rewrite(&mut document, 0);
    let mut problems = numbers.problems;
    if problems.iter().any(|problem| problem.code == Code::TooDeep) {
        return Err(Diagnostics(diagnostic::finish(problems)));
    }
    let (found, origins) = structure::check(&mut document);
    problems.extend(found);
    let ir = unit::compile_unit(&document, "", &mut problems);
    for problem in &mut problems {
        problem.pointer = origins.of(&problem.pointer);
    }
    let problems = diagnostic::finish(problems);
    match ir {
        Some(ir) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            Ok(Compiled { ir: Arc::new(ir), warnings: problems })
        }
        Some(_) | None => Err(Diagnostics(problems)),
    }
}

/// The dominators of a compiled graph, which is acyclic.
pub(crate) fn dominators(nodes: usize, edges: &[EdgeIr]) -> Dominators {
    let incoming = Adjacency::new(nodes, edges, |edge| edge.to);
    let outgoing = Adjacency::new(nodes, edges, |edge| edge.from);
    let order = graph::topological(nodes, edges, &incoming, &outgoing).0;
    Dominators::new(&order, edges, &incoming)
}

/// Brings the numbers of a document into one form: whole numbers as such, however written.
struct Numbers {
    pointer: String,
    problems: Vec<Diagnostic>,
}

impl Numbers {
    fn rewrite(&mut self, value: &mut Value, depth: usize) {
        match value {
            Value::Array(_) | Value::Object(_) if depth == MAX_DOCUMENT_DEPTH => {
                self.problems.push(parse::too_deep(&self.pointer, MAX_DOCUMENT_DEPTH));
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let length = push_index(&mut self.pointer, index);
                    self.rewrite(item, depth + 1);
                    self.pointer.truncate(length);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    let length = push_key(&mut self.pointer, key);
                    self.rewrite(item, depth + 1);
                    self.pointer.truncate(length);
                }
            }
            Value::Number(number) => {
                self.problems.extend(parse::inexact(number, &self.pointer));
                if let Some(whole) = whole(number) {
                    *number = whole;
                }
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
}

/// A fraction such as `5.0` as the whole number that it is.
fn whole(number: &Number) -> Option<Number> {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    let double = number.as_f64().filter(|_| number.is_f64())?;
    let is_whole = double.fract() == 0.0 && double.abs() <= MAX_EXACT;
    is_whole.then(|| Number::from(double as i64))
}
