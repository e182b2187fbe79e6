//! Why a patch is refused: written for a reader that is to write the patch again.

use std::fmt;

use serde::{Serialize, Serializer};

aob_ir::codes! {
    /// Kinds of refusals. The names are a public contract and never change their meaning.
    pub enum PatchCode {
        /// Several items of the list have the id; name one of them by its index.
        AmbiguousId => "ambiguous_id",
        /// `copy` and `move` carry more than a document may have, taken together.
        CopiesTooMuch => "copies_too_much",
        /// The document would have more bytes than allowed.
        DocumentTooLarge => "document_too_large",
        /// An object of the patch has the same key twice.
        DuplicateKey => "duplicate_key",
        /// An item with this id is there already.
        IdExists => "id_exists",
        /// The item has another id than the pointer names.
        IdMismatch => "id_mismatch",
        /// An index beyond the end of the list.
        IndexOutOfRange => "index_out_of_range",
        /// A whole number beyond 2^53, which is not exact everywhere; write it as a string.
        InexactNumber => "inexact_number",
        /// `move` into what is moved.
        IntoItself => "into_itself",
        /// A token that no list has: neither an index without leading zeros, nor `-`, nor (in `nodes`
        /// and `edges`) an id.
        InvalidIndex => "invalid_index",
        /// The text of the patch is not JSON.
        InvalidJson => "invalid_json",
        /// A text that is not a JSON pointer.
        InvalidPointer => "invalid_pointer",
        /// A key that the operation needs is missing.
        MissingKey => "missing_key",
        /// A value that is neither list nor object has nothing below it.
        NotAContainer => "not_a_container",
        /// There is nothing at the pointer.
        NotFound => "not_found",
        /// The operation is not allowed to this author.
        OperationNotAllowed => "operation_not_allowed",
        /// The patch has more bytes than allowed.
        PatchTooLarge => "patch_too_large",
        /// The whole document cannot be removed.
        RemovesDocument => "removes_document",
        /// `test` found something else.
        TestFailed => "test_failed",
        /// Lists and objects would be nested more deeply than allowed.
        TooDeep => "too_deep",
        /// The document would have more nodes than allowed.
        TooManyNodes => "too_many_nodes",
        /// The patch has more operations than allowed.
        TooManyOperations => "too_many_operations",
        /// A key that is not known here.
        UnknownKey => "unknown_key",
        /// An operation that RFC 6902 does not have.
        UnknownOperation => "unknown_operation",
        /// A value of the wrong JSON type.
        WrongType => "wrong_type",
    }
}

impl Serialize for PatchCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One reason why a patch is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatchError {
    /// Which kind.
    pub code: PatchCode,
    /// The operation, counted from 0; `None`: the patch as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_index: Option<usize>,
    /// JSON pointer into the patch, such as `/3/path`.
    pub pointer: String,
    /// What is wrong, for people and models.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// A valid operation (or patch, where the patch as a whole is refused), as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl PatchError {
    /// A refusal of the whole patch.
    pub(crate) fn of_patch(code: PatchCode, message: impl Into<String>) -> Self {
        let (op_index, pointer, message) = (None, String::new(), message.into());
        Self { code, op_index, pointer, message, hint: None, example: None }
    }

    /// A refusal of an operation, at `below` it.
    pub(crate) fn of_operation(
        code: PatchCode,
        op_index: usize,
        below: &str,
        message: impl Into<String>,
    ) -> Self {
        let pointer = format!("/{op_index}{below}");
        let (op_index, message) = (Some(op_index), message.into());
        Self { code, op_index, pointer, message, hint: None, example: None }
    }

    #[must_use]
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    #[must_use]
    pub(crate) fn with_example(self, example: impl Into<String>) -> Self {
        Self { example: Some(example.into()), ..self }
    }
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}`: {}", self.code, self.pointer, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for PatchError {}

/// Everything that is wrong with the form of a patch; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PatchErrors(pub Vec<PatchError>);

impl fmt::Display for PatchErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PatchErrors {}

impl From<PatchError> for PatchErrors {
    fn from(error: PatchError) -> Self {
        Self(vec![error])
    }
}

/// An operation of each kind, as an author would write it.
pub(crate) fn example(name: &str) -> &'static str {
    match name {
        "remove" => r#"{"op":"remove","path":"/nodes/notify"}"#,
        "replace" => r#"{"op":"replace","path":"/nodes/fetch/timeout_ms","value":30000}"#,
        "move" => r#"{"from":"/nodes/notify","op":"move","path":"/nodes/0"}"#,
        "copy" => r#"{"from":"/nodes/fetch/retry","op":"copy","path":"/nodes/save/retry"}"#,
        "test" => r#"{"op":"test","path":"/nodes/fetch/type","value":"http"}"#,
        _ => {
            r#"{"op":"add","path":"/nodes/validate","value":{"id":"validate","type":"function","config":{"name":"check_order"}}}"#
        }
    }
}
