//! What the oracle knows of a value, and conditions over it.

use serde_json::{Value, json};

use crate::generator::Guard;

/// A value that flows, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Val {
    /// Exactly this.
    Known(Value),
    /// An object with this `n`, and something else.
    Number(i64),
    /// `{"error": {"code", "message"}}` with this code.
    Error(String),
    /// Anything.
    Unknown,
}

/// What a condition gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be evaluated.
    Error,
    /// Any of these.
    Unknown,
}

impl Val {
    /// The null that flows where something was passed over.
    pub(super) fn null() -> Self {
        Self::Known(Value::Null)
    }

    /// The error of a planned failure.
    pub(super) fn planned_error(code: &str, message: &str) -> Self {
        Self::Known(json!({"error": {"code": code, "message": message}}))
    }

    /// The value, where it is known.
    pub(super) fn known(&self) -> Option<&Value> {
        if let Self::Known(value) = self { Some(value) } else { None }
    }

    /// What is left of this where it may be `other` as well.
    pub(super) fn or(self, other: &Self) -> Self {
        if self == *other { self } else { Self::Unknown }
    }

    /// `output.n`: `None` where that cannot be evaluated, `Some(None)` where it is not known.
    fn number(&self) -> Option<Option<i64>> {
        match self {
            Self::Known(value) => value.get("n").and_then(Value::as_i64).map(Some),
            Self::Number(n) => Some(Some(*n)),
            Self::Error(_) => None,
            Self::Unknown => Some(None),
        }
    }

    /// `output.error.code`, likewise.
    fn code(&self) -> Option<Option<&str>> {
        match self {
            Self::Known(value) => value.pointer("/error/code").and_then(Value::as_str).map(Some),
            Self::Error(code) => Some(Some(code)),
            Self::Number(_) => None,
            Self::Unknown => Some(None),
        }
    }
}

impl Truth {
    fn of(value: Option<Option<bool>>) -> Self {
        match value {
            Some(Some(true)) => Self::True,
            Some(Some(false)) => Self::False,
            Some(None) => Self::Unknown,
            None => Self::Error,
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Error | Self::Unknown => self,
        }
    }

    /// True if it may give `other`.
    pub(super) fn may_be(self, other: Self) -> bool {
        self == other || self == Self::Unknown
    }
}

/// What `guard` gives over `output`, in a run with these `inputs`.
pub(super) fn evaluate(guard: &Guard, output: &Val, inputs: &Val) -> Truth {
    match guard {
        Guard::Constant(value) => Truth::of(Some(Some(*value))),
        Guard::Above(bound) => Truth::of(output.number().map(|n| n.map(|n| n > *bound))),
        Guard::Even => Truth::of(output.number().map(|n| n.map(|n| n % 2 == 0))),
        Guard::RunInput(bound) => {
            let k = match inputs {
                Val::Known(inputs) => inputs.get("k").and_then(Value::as_i64).map(Some),
                Val::Number(_) | Val::Error(_) | Val::Unknown => Some(None),
            };
            Truth::of(k.map(|k| k.map(|k| k > *bound)))
        }
        Guard::Code(code) => Truth::of(output.code().map(|c| c.map(|c| c == *code))),
        Guard::Not(inner) => evaluate(inner, output, inputs).negated(),
    }
}
