//! The module with our own passes, as it is committed beside its sources.
//!
//! It is trusted because this program carries it: whoever can change it can change the program. Its
//! digest is checked all the same, so that a broken build does not run.

use aob_ir::Digest;
use serde::Deserialize;

use crate::host::{Host, Module, ModuleError};
use crate::trust::Untrusted;

const BYTES: &[u8] = include_bytes!("../../../optimizer/prebuilt/passes.wasm");
const MANIFEST: &str = include_str!("../../../optimizer/prebuilt/passes.json");

/// What is committed beside the module.
#[derive(Deserialize)]
struct Manifest {
    /// Digest of its bytes.
    module: Digest,
}

/// Compiles the module with our own passes.
///
/// # Errors
/// If this machine cannot run it.
pub fn builtin(host: &Host) -> Result<Module, ModuleError> {
    let manifest: Manifest = serde_json::from_str(MANIFEST)
        .map_err(|error| ModuleError::Invalid(format!("its manifest: {error}")))?;
    let digest = Digest::of(BYTES);
    if digest != manifest.module {
        return Err(Untrusted::Digest { digest }.into());
    }
    host.compile(BYTES)
}
