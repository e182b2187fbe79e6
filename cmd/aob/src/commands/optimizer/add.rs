//! `aob optimizer add`: a module, with its signature.

use std::path::PathBuf;

use aob_api::{AddModule, ModuleView};
use aob_ir::Digest;
use aob_optimizer::{Limits, Signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use super::show;
use crate::client::Call;
use crate::context::{Context, block_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grammar::example;
use crate::input::bytes;

/// Add a module to the workspace. A key that the server trusts must have signed it.
///
/// What is signed: `aob.optimizer.module.1`, a zero byte, and the 32 bytes of the module's sha256.
/// Adding a module again replaces its passes and its signature.
#[derive(Debug, Args)]
#[command(after_long_help = example!(
    "aob optimizer add tidy.wasm --signature tidy.sig --pass dead-code --enable",
))]
pub(crate) struct Add {
    /// The WebAssembly module.
    #[arg(value_name = "FILE")]
    module: PathBuf,
    /// File with its ed25519 signature: 64 bytes, or 128 hex digits.
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    /// A pass that plans ask it for; may be repeated, in the order in which they are tried.
    #[arg(long = "pass", value_name = "NAME", required = true)]
    passes: Vec<String>,
    /// Let plans of the workspace ask it from now on.
    #[arg(long)]
    enable: bool,
}

impl Add {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let module = bytes(&self.module, Limits::default().module_bytes)?;
        let signature = self.signature()?;
        let asked = AddModule {
            digest: Digest::of(&module).to_string(),
            module: STANDARD.encode(module),
            signature: signature.to_string(),
            passes: self.passes,
            enabled: self.enable.then_some(true),
        };
        let call = Call::post(&["optimizer", "modules"]).body(&asked);
        let got = block_on(context.api()?.fetch::<ModuleView>(call))?;
        show(context.out, &got.view)?;
        if !got.view.enabled {
            context.out.todo(&format!("aob optimizer enable {}", got.view.digest));
        }
        Ok(Exit::Ok)
    }

    fn signature(&self) -> Result<Signature, Failure> {
        /// A signature in hex, with a line's end.
        const TEXT_BYTES_MAX: usize = 130;
        let content = bytes(&self.signature, TEXT_BYTES_MAX)?;
        if let Ok(raw) = <[u8; 64]>::try_from(content.as_slice()) {
            return Ok(Signature(raw));
        }
        String::from_utf8_lossy(&content).trim().parse().map_err(|error| {
            let message = format!("{} holds no signature: {error}", self.signature.display());
            let todo = "sign the module with an ed25519 key, as docs/optimizer.md shows";
            Failure::usage(message, todo)
        })
    }
}
