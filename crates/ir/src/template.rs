//! JSON with references: `$nodes.<id>.<path>`, `${...}`, `$inputs`, `$run`, `$secrets`, `$item`,
//! `$index`, `$iteration`, each with `?? default`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A compiled JSON value with references. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Template {
    source: Arc<Value>,
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

impl Template {
    /// The value as written.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The value itself, where it holds no reference.
    pub fn constant(&self) -> Option<&Arc<Value>> {
        Some(&self.source)
    }

    /// Resolves every reference.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render<R: Resolver>(&self, _resolver: &R) -> Result<Rendered, RenderError<R::Missing>> {
        Ok(Rendered { value: self.source.as_ref().clone(), secrets: Vec::new() })
    }
}
