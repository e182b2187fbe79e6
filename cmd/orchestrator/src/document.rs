//! Bodies that are a workflow document.

use aob_edge::{BodyText, Refusal};
use aob_ir::Compiled;
use axum::extract::{FromRequest, Request};

use crate::errors::invalid_workflow;

/// A valid document, given as JSON or YAML.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) compiled: Compiled,
}

impl<S: Sync> FromRequest<S> for Document {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let text = BodyText::read(request).await?.text;
        match aob_ir::compile_text(&text) {
            Ok(compiled) => Ok(Self { compiled }),
            Err(diagnostics) => Err(invalid_workflow(diagnostics, "")),
        }
    }
}
