//! Modules of the optimizer.

use aob_engine::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/optimizer/modules`: a module, and why it is to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddModule {
    /// `sha256:` of the module's bytes.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub digest: String,
    /// The WebAssembly module, in base64.
    pub module: String,
    /// Signature (ed25519, 128 hex digits) of `aob.optimizer.module.1`, a zero byte and the 32 bytes of
    /// the digest, by a key that the server's configuration trusts.
    pub signature: String,
    /// Names of the passes that it is asked for, in the order in which they are tried: 1 to 16 of
    /// `a-z 0-9 -`, up to 64 characters each.
    #[schema(example = json!(["dead-code"]))]
    pub passes: Vec<String>,
    /// Whether plans of the workspace ask it from now on. A module that is there already stays as it
    /// is where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// A module of a workspace. Its bytes are the artifact of its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModuleView {
    /// `sha256:` of its bytes.
    pub digest: String,
    /// Names of the passes that it is asked for, in the order in which they are tried.
    pub passes: Vec<String>,
    /// Its length.
    pub bytes: u64,
    /// Whether plans of the workspace ask it.
    pub enabled: bool,
    /// The signature, 128 hex digits.
    pub signature: String,
    /// The trusted key that made the signature, 64 hex digits; absent: it is not trusted any more, and
    /// no plan asks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// Added, or added again.
    #[schema(value_type = String, format = DateTime)]
    pub added_at: Timestamp,
    /// Who added it.
    pub added_by: String,
}
