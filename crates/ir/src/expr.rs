//! CEL expressions over the values of a run.

use serde_json::Value;

/// A compiled CEL expression. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Expr {
    source: std::sync::Arc<str>,
    needs: Needs,
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
    /// Nodes read as `ctx.<node>` or `ctx['<node>']`, sorted.
    pub nodes: Vec<std::sync::Arc<str>>,
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
    pub ctx: &'a [(std::sync::Arc<str>, std::sync::Arc<Value>)],
    /// The item of a filter or map.
    pub item: Option<&'a Value>,
    /// Its index.
    pub index: Option<u64>,
}

/// Why an expression cannot be compiled or evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError {
    /// For people.
    pub message: String,
}

impl Expr {
    /// Compiles `source`.
    ///
    /// # Errors
    /// If it is not CEL, too long, nested too deeply, or reads an unknown variable.
    pub fn compile(source: &str) -> Result<Self, ExprError> {
        Ok(Self { source: source.into(), needs: Needs::default() })
    }

    /// The source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it reads.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// If evaluation fails.
    pub fn eval(&self, _bindings: &Bindings<'_>) -> Result<Value, ExprError> {
        Err(ExprError { message: String::new() })
    }

    /// Evaluates it to a boolean.
    ///
    /// # Errors
    /// If evaluation fails or gives something else.
    pub fn eval_bool(&self, bindings: &Bindings<'_>) -> Result<bool, ExprError> {
        self.eval(bindings).map(|value| value == Value::Bool(true))
    }
}
