//! Why a command did not do what was asked, and what the person can do about it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::Exit;

/// A failure as it is shown: what went wrong, where, and always what to do.
#[derive(Debug)]
pub(crate) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    exit: Exit,
    code: String,
    message: String,
    findings: Vec<Finding>,
    todo: String,
    /// What the server said, word for word.
    problem: Option<Value>,
}

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// JSON pointer into what was sent; empty: all of it.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// What it could look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) example: Option<String>,
}

impl Failure {
    /// A failure with its stable code, what happened, and what to do.
    pub(crate) fn new(
        exit: Exit,
        code: &str,
        message: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            exit,
            code: code.to_owned(),
            message: message.into(),
            findings: Vec::new(),
            todo: todo.into(),
            problem: None,
        }))
    }

    /// The command makes no sense as it is.
    pub(crate) fn usage(message: impl Into<String>, todo: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message, todo)
    }

    /// The same with what exactly is wrong.
    #[must_use]
    pub(crate) fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.0.findings = findings;
        self
    }

    /// The same with the server's own words, which JSON output shows.
    #[must_use]
    pub(crate) fn with_problem(mut self, problem: Value) -> Self {
        self.0.problem = Some(problem);
        self
    }

    /// The same with another thing to do.
    #[must_use]
    pub(crate) fn with_todo(mut self, todo: impl Into<String>) -> Self {
        self.0.todo = todo.into();
        self
    }

    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Its stable code.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// What happened.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// What is wrong in detail.
    pub(crate) fn findings(&self) -> &[Finding] {
        &self.0.findings
    }

    /// What to do.
    pub(crate) fn todo(&self) -> &str {
        &self.0.todo
    }

    /// The form that programs read: the server's own problem document where there is one.
    pub(crate) fn to_json(&self) -> Value {
        let mut problem = self.0.problem.clone().unwrap_or_else(|| {
            json!({
                "title": self.0.message,
                "code": self.0.code,
                "errors": self.0.findings,
            })
        });
        if let Some(object) = problem.as_object_mut() {
            object.insert("exit".to_owned(), json!(self.0.exit as u8));
            object.insert("do".to_owned(), json!(self.0.todo));
        }
        problem
    }
}
