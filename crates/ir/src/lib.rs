//! Workflow documents and their compiled form.
#![warn(missing_docs)]

mod digest;
mod expr;
mod ir;
mod template;

pub use digest::{Digest, InvalidDigest};
pub use expr::{Bindings, Expr, ExprError, Needs};
pub use ir::*;
pub use template::*;
