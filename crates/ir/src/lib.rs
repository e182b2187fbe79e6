//! Workflow documents and their compiled form.
#![warn(missing_docs)]

mod digest;
mod expr;
mod ir;
mod json_schema;
mod names;
mod path;
mod pointer;
mod template;

pub use digest::{Digest, InvalidDigest};
pub use expr::{
    Bindings, Expr, ExprError, MAX_LIST_ITEMS, MAX_MACRO_NESTING, MAX_SOURCE_BYTES, Needs,
};
pub use ir::*;
pub use json_schema::{JsonSchema, SchemaProblem};
pub use template::{
    Reads, ReferenceUse, RenderError, Rendered, Resolver, Root, SecretPart, SecretSlot, Template,
    TemplateProblem,
};
