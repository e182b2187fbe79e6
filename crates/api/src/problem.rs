//! Errors as RFC 9457 has them, written for people and for the models that read them.

use std::borrow::Cow;
use std::fmt;

use aob_engine::RunId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BudgetView, ErrorCode, RawText};

/// Media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    pub kind: String,
    /// A few words, the same for every problem of the kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is the matter this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable name of the kind, for programs; see [`Problem::known_code`].
    #[schema(example = "invalid_workflow")]
    pub code: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Every single thing that is wrong with the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemItem>,
    /// Milliseconds after which trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The run that stands in the way (`dedup_conflict`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub run: Option<RunId>,
    /// The conflicts (`patch_conflict`): a list of `{"reason", "ours", "theirs", "values"}`. `ours` is
    /// an operation of the patch, `theirs` one that was applied before, and `values` what is at stake:
    /// `{"pointer", "base", "ours", "theirs"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<RawText>,
    /// The budget that has no room, as it stands (`budget_exhausted`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Box<BudgetView>>,
    /// The version that the tag is at (`precondition_failed`); 0: it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u64>,
    /// Names the request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One thing that is wrong with a request, or worth a warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProblemItem {
    /// JSON pointer into the body as it was sent; absent where it is not about a place in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/workflow/nodes/2/config/url")]
    pub pointer: Option<String>,
    /// Stable name of what is wrong.
    #[schema(value_type = String, example = "unknown_key")]
    pub code: Cow<'static, str>,
    /// What is wrong, for people.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What it could look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<RawText>,
    /// `warning` where the request was carried out all the same.
    #[serde(default, skip_serializing_if = "Severity::is_error")]
    pub severity: Severity,
    /// Place in the text, where there is no pointer because it is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<TextPosition>,
}

/// How bad a [`ProblemItem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The request is refused.
    #[default]
    Error,
    /// It is not.
    Warning,
}

impl Severity {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

/// A place in a text, both from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextPosition {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::bare(code) }
    }

    /// A problem of this kind of which there is nothing more to say.
    pub fn bare(code: ErrorCode) -> Self {
        Self {
            kind: code.uri(),
            title: code.title().to_owned(),
            status: code.status(),
            detail: None,
            instance: None,
            code: code.as_str().to_owned(),
            hint: None,
            errors: Vec::new(),
            retry_after_ms: None,
            run: None,
            conflict: None,
            budget: None,
            current_version: None,
            request_id: None,
        }
    }

    /// A change that was meant for another version of a tag than it is at; 0: it does not exist.
    pub fn wrong_version(tag: &str, current: u64) -> Self {
        let detail = match current {
            0 => format!("the tag `{tag}` does not exist"),
            version => format!("the tag `{tag}` is at version {version}"),
        };
        let item = ProblemItem::new("version", &*detail);
        let problem = Self::new(ErrorCode::PreconditionFailed, detail)
            .with_hint("look at what changed, then send the version that you have seen")
            .with_errors(vec![item]);
        Self { current_version: Some(current), ..problem }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with what is wrong in detail.
    #[must_use]
    pub fn with_errors(self, errors: Vec<ProblemItem>) -> Self {
        Self { errors, ..self }
    }

    /// The same with when to try again.
    #[must_use]
    pub fn with_retry_after_ms(self, retry_after_ms: u64) -> Self {
        Self { retry_after_ms: Some(retry_after_ms), ..self }
    }

    /// The code, if this version knows it.
    pub fn known_code(&self) -> Option<ErrorCode> {
        self.code.parse().ok()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(&self.title))
    }
}

impl std::error::Error for Problem {}

impl ProblemItem {
    /// Something that is wrong at `pointer`.
    pub fn at(
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::new(code, message) }
    }

    /// Something that is wrong, at no place of the body.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            pointer: None,
            code: code.into(),
            message: message.into(),
            hint: None,
            example: None,
            severity: Severity::Error,
            position: None,
        }
    }

    /// The same with what to do.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with what it could look like.
    #[must_use]
    pub fn with_example(self, example: &serde_json::Value) -> Self {
        Self { example: Some(RawText::of(example)), ..self }
    }
}
