//! The passes of the optimizer: each looks at a workflow document, with the facts that the host
//! proved on its compiled form, and proposes at most one rewrite of it as a JSON Patch.
//!
//! A pass is a pure function of its request. It gives one rewrite at a time because every rewrite
//! changes what is known: the host applies it, compiles the result, and asks again with new facts.
//!
//! What a rewrite may change is when things happen, how often pure work is done, and how many jobs
//! and instances it takes. What it may not change: the run's status and output, what is done to the
//! world outside and with which keys, what any node that remains reads, and what a person is asked.
//! Where two orders of events were possible before, one of them may become the only one.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod cacheable;
mod coalesce;
mod cse;
mod facts;
mod graph;
mod hoist;
mod parallel;
mod prune;
mod pushdown;
mod rewrite;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use facts::{Body, Edge, Facts, Filter, Kind, Loop, Node};
pub use rewrite::{Metric, Per, Rewrite, Saving};

use graph::Graph;

/// A pass: what it is called, and what it does.
type Pass = (&'static str, fn(&Graph<'_>) -> Option<Rewrite>);

/// Every pass, in the order in which they are best tried: what removes things comes first.
const PASSES: [Pass; 7] = [
    ("dead-path-pruning", prune::apply),
    ("common-subexpressions", cse::apply),
    ("predicate-pushdown", pushdown::apply),
    ("loop-invariants", hoist::apply),
    ("sequential-to-parallel", parallel::apply),
    ("http-coalescing", coalesce::apply),
    ("cacheable-marking", cacheable::apply),
];

/// What a module is asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<D = Value, F = Facts> {
    /// Name of the pass.
    pub pass: String,
    /// The workflow document, without aliases.
    pub document: D,
    /// What the host proved about it.
    pub facts: F,
}

/// What a module answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The proposed rewrite; `None`: nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// The request made no sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Names of all passes, in the order in which they are best tried.
pub fn passes() -> impl Iterator<Item = &'static str> {
    PASSES.into_iter().map(|(name, _)| name)
}

/// Runs a pass; `Err` where there is none of this name.
///
/// # Errors
/// The unknown name.
pub fn run(pass: &str, document: &Value, facts: &Facts) -> Result<Option<Rewrite>, String> {
    let known = PASSES.into_iter().find(|(name, _)| *name == pass);
    let (_, apply) = known.ok_or_else(|| format!("there is no pass `{pass}`"))?;
    Ok(apply(&Graph::new(document, facts)))
}

/// Answers a request in JSON with JSON.
pub fn answer(request: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Request>(request) {
        Ok(request) => match run(&request.pass, &request.document, &request.facts) {
            Ok(rewrite) => Answer { rewrite, error: None },
            Err(error) => Answer { rewrite: None, error: Some(error) },
        },
        Err(error) => Answer { rewrite: None, error: Some(format!("not a request: {error}")) },
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}
