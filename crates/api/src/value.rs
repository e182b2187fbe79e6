//! JSON values in answers: the value where it is short, where to read it otherwise.

use aob_ir::Digest;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub use crate::jobs::RawText;

impl PartialSchema for RawText {
    fn schema() -> RefOr<Schema> {
        let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        any.description(Some("Any JSON value.")).into()
    }
}

impl ToSchema for RawText {
    fn name() -> std::borrow::Cow<'static, str> {
        "Json".into()
    }
}

/// Where a value that is too long for the answer can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValueRef {
    /// `sha256` of its JSON text.
    #[schema(value_type = String, example = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")]
    pub digest: Digest,
    /// Length of its JSON text in bytes.
    pub len: u64,
    /// Path to `GET` it from.
    pub href: String,
}
