//! What is wrong with a document: coded, with its place and what to do.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

crate::codes! {
    /// Kinds of problems. The names are a public contract and never change their meaning.
    pub enum Code {
        /// The loop's back edge is drawn as an edge; `loop_back_to` already stands for it.
        BackEdgeDrawn => "back_edge_drawn",
        /// A key and its alias are both present.
        BothSpellings => "both_spellings",
        /// Keys exclude each other, or one of several is needed.
        ConflictingKeys => "conflicting_keys",
        /// Edges form a cycle that no loop node declares.
        Cycle => "cycle",
        /// Two edges have the same id; a second edge of the same pair of nodes needs an `id`.
        DuplicateEdgeId => "duplicate_edge_id",
        /// An object has the same key twice.
        DuplicateKey => "duplicate_key",
        /// Two nodes have the same id, bodies of maps included.
        DuplicateNodeId => "duplicate_node_id",
        /// An edge into a loop's body that does not end at its head.
        EdgeIntoLoop => "edge_into_loop",
        /// An edge, or a way out of a loop, that can never be taken.
        EdgeNeverTaken => "edge_never_taken",
        /// An edge out of a loop's body that neither starts at the loop node nor is a failure route.
        EdgeOutOfLoop => "edge_out_of_loop",
        /// An edge follows an outcome that its source can never have.
        ImpossibleOutcome => "impossible_outcome",
        /// A whole number too large to be exact everywhere (beyond 2^53); write it as a string.
        InexactNumber => "inexact_number",
        /// A built-in function cannot use its arguments.
        InvalidArguments => "invalid_arguments",
        /// An expression is not CEL, is too large, or reads something unknown.
        InvalidExpression => "invalid_expression",
        /// The text is not JSON.
        InvalidJson => "invalid_json",
        /// A reference is malformed.
        InvalidReference => "invalid_reference",
        /// An embedded schema is not JSON Schema (2020-12), or refers to something outside itself.
        InvalidSchema => "invalid_schema",
        /// A time is not RFC 3339.
        InvalidTime => "invalid_time",
        /// A URL is not an absolute `http` or `https` URL.
        InvalidUrl => "invalid_url",
        /// A node that no edge touches, beside others that edges join.
        IsolatedNode => "isolated_node",
        /// A join waits for more edges than there are.
        JoinCount => "join_count",
        /// `loop_back_to` names a node from which the loop node cannot be reached.
        LoopHead => "loop_head",
        /// Two loops share nodes, and neither lies within the other.
        LoopsOverlap => "loops_overlap",
        /// A text does not have the form it needs.
        Malformed => "malformed",
        /// `effect: compensable` without `compensate`.
        MissingCompensation => "missing_compensation",
        /// A required key is missing.
        MissingKey => "missing_key",
        /// Every node has an incoming edge: nothing can start.
        NoEntry => "no_entry",
        /// A key that has no meaning for this type of node.
        NotApplicable => "not_applicable",
        /// A node reads the output of a node that never runs before it.
        NotUpstream => "not_upstream",
        /// Something that is planned and not built yet; it is refused rather than ignored.
        NotYetSupported => "not_yet_supported",
        /// A number, text or list is smaller or larger than allowed.
        OutOfRange => "out_of_range",
        /// `$item`, `$index` or `$iteration` outside of what gives it its value.
        OutOfScope => "out_of_scope",
        /// A path that a key stands for (`break_path`, `timeout_path`, `on_error.route`) is drawn too.
        PathDrawn => "path_drawn",
        /// A secret is read where nothing could fill it in.
        SecretNotAllowed => "secret_not_allowed",
        /// An edge from a node to itself.
        SelfEdge => "self_edge",
        /// A conditional has several edges without condition.
        SeveralElse => "several_else",
        /// Lists and objects are nested too deeply.
        TooDeep => "too_deep",
        /// The document is too large.
        TooLarge => "too_large",
        /// More agent nodes than `limits.max_agents`.
        TooManyAgents => "too_many_agents",
        /// There are more problems than are shown.
        TooManyProblems => "too_many_problems",
        /// A reference reads an input that `inputs` does not declare.
        UndeclaredInput => "undeclared_input",
        /// A key that is not known here.
        UnknownKey => "unknown_key",
        /// An id that no node has.
        UnknownNode => "unknown_node",
        /// A node type that this server does not know.
        UnknownType => "unknown_type",
        /// A word that is not among those allowed.
        UnknownValue => "unknown_value",
        /// A node that cannot be reached from any entry.
        UnreachableNode => "unreachable_node",
        /// A type of node that has no place here (as body of a map, or as compensation).
        UnsuitableNode => "unsuitable_node",
        /// A value of the wrong JSON type.
        WrongType => "wrong_type",
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document runs, perhaps not as meant.
    Warning,
}

/// A place in a text, both from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// One problem of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Which kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// JSON pointer into the document as it was given.
    pub pointer: String,
    /// Place in the text, where there is no pointer because it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// What is wrong, for people.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What it could look like, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl Diagnostic {
    /// An error at `pointer`.
    pub fn error(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            pointer: pointer.into(),
            position: None,
            message: message.into(),
            hint: None,
            example: None,
        }
    }

    /// A warning at `pointer`.
    pub fn warning(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, pointer, message) }
    }

    /// The same with what to do.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with what it could look like.
    #[must_use]
    pub fn with_example(self, example: impl Into<String>) -> Self {
        Self { example: Some(example.into()), ..self }
    }

    /// The same with a hint, if there is one.
    pub(crate) fn with_hint_opt(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}`: {}", self.code, self.pointer, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// Every problem of a refused document, errors and warnings, in document order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(diagnostic, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Problems that are shown of one document.
const MAX_SHOWN: usize = 1000;

/// Puts problems in document order, drops repetitions, and cuts what nobody would read.
pub(crate) fn finish(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| {
        compare_pointers(&a.pointer, &b.pointer)
            .then(a.severity.cmp(&b.severity))
            .then(a.code.cmp(&b.code))
            .then_with(|| a.message.cmp(&b.message))
    });
    diagnostics
        .dedup_by(|a, b| (a.code, &a.pointer, &a.message) == (b.code, &b.pointer, &b.message));
    let hidden = diagnostics.len().saturating_sub(MAX_SHOWN);
    if hidden > 0 {
        diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
        let is_error = diagnostics[MAX_SHOWN].severity == Severity::Error;
        diagnostics.truncate(MAX_SHOWN);
        let message = format!("there are {hidden} more problems");
        diagnostics.push(if is_error {
            Diagnostic::error(Code::TooManyProblems, "", message)
        } else {
            Diagnostic::warning(Code::TooManyProblems, "", message)
        });
    }
    diagnostics
}

/// Document order of pointers: list indices by value, keys by name.
fn compare_pointers(a: &str, b: &str) -> Ordering {
    let mut left = a.split('/');
    let mut right = b.split('/');
    loop {
        return match (left.next(), right.next()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(x), Some(y)) if x == y => continue,
            (Some(x), Some(y)) => match (x.parse::<usize>(), y.parse::<usize>()) {
                (Ok(x), Ok(y)) => x.cmp(&y),
                _ => x.cmp(y),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_alphabetical_and_explained() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        for code in Code::ALL {
            assert!(code.explanation().ends_with('.'), "{code}");
        }
        let listed = names.clone();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, listed);
    }

    #[test]
    fn pointers_are_in_document_order() {
        let mut pointers = ["/nodes/10", "/nodes/9/id", "/edges/0", "", "/nodes/9"];
        pointers.sort_by(|a, b| compare_pointers(a, b));
        assert_eq!(pointers, ["", "/edges/0", "/nodes/9", "/nodes/9/id", "/nodes/10"]);
    }

    #[test]
    fn too_many_problems_are_cut_errors_first() {
        let warnings =
            (0..600).map(|n| Diagnostic::warning(Code::IsolatedNode, format!("/nodes/{n}"), "x"));
        let errors =
            (0..600).map(|n| Diagnostic::error(Code::MissingKey, format!("/nodes/{n}"), "x"));
        let shown = finish(warnings.chain(errors).collect());
        assert_eq!(shown.len(), MAX_SHOWN + 1);
        assert!(shown[..600].iter().all(|d| d.severity == Severity::Error));
        assert_eq!(shown[MAX_SHOWN].message, "there are 200 more problems");
        assert_eq!(shown[MAX_SHOWN].severity, Severity::Warning);
    }
}
