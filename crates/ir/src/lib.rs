//! Workflow documents and their compiled form.
#![warn(missing_docs)]

mod blob;
mod budget;
mod canonical;
mod codes;
mod compile;
mod diagnostic;
mod digest;
pub mod document;
mod dominators;
mod expr;
mod fields;
mod ir;
mod json_schema;
mod names;
mod parse;
mod path;
mod pointer;
mod render;
mod span;
mod structure;
mod template;
mod text;
mod types;

pub use blob::Blob;
pub use budget::{Budget, MICROS_PER_USD, counted, usd_micros, usd_text};
pub use canonical::canonical_json;
pub use compile::{Compiled, UrlOrigin, compile, compile_text};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Position, Severity};
pub use digest::{Digest, InvalidDigest};
pub use dominators::Dominators;
pub use expr::{
    Bindings, Expr, ExprError, MAX_LIST_ITEMS, MAX_MACRO_NESTING, MAX_SOURCE_BYTES, Needs,
};
pub use fields::Fields;
pub use ir::*;
pub use json_schema::{JsonSchema, SchemaProblem};
pub use names::nearest;
pub use parse::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH, is_inexact, parse_document, parse_strict};
pub use render::render_diagnostics;
pub use structure::{respell, respell_node};
pub use template::{
    Reads, ReferenceUse, RenderError, Rendered, Resolver, Root, SecretPart, SecretSlot, Template,
    TemplateProblem,
};
pub use text::from_text;
