//! `POST /v1/optimizer/modules`.

use aob_api::{AddModule, ErrorCode, ModuleView, Problem, ProblemItem};
use aob_cas::PutError;
use aob_coordinator::namespace;
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use aob_ir::Digest;
use aob_optimizer::{ModuleError, Signature};
use aob_store::ModuleRow;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, Uri};

use super::view;
use crate::api::{Api, tenant};
use crate::modules::Refused;

/// Passes of one module at most.
const PASSES_MAX: usize = 16;
/// Characters of the name of a pass at most.
const NAME_CHARS_MAX: usize = 64;

/// Adds a module of the optimizer to the workspace, or replaces what is said of it. It has to have the
/// digest, to be signed by a key that the server's configuration trusts, and to be a module that can
/// run: WebAssembly without imports.
#[utoipa::path(
    post, path = "/v1/optimizer/modules", tag = "optimizer",
    operation_id = "optimizer_modules_add",
    request_body = AddModule,
    responses(
        (status = 201, body = ModuleView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    body: JsonBody<AddModule>,
) -> Answer<(StatusCode, Json<ModuleView>)> {
    Query::of(&uri, &[])?;
    let asked = body.value;
    let Read { digest, bytes, signature } = read(&asked)?;
    let length = bytes.len() as u64;
    if !api.modules.trusts_anybody() {
        let detail = "this server trusts no key, so it takes no modules";
        return Err(Problem::new(ErrorCode::ModuleRefused, detail)
            .with_hint("start it with the public key of whoever signs modules: --optimizer-key HEX")
            .into());
    }
    api.modules.judge(digest, bytes.clone(), signature).await.map_err(refused)?;
    let stored = api.cas.put(namespace(caller.workspace()), bytes.into()).await;
    if let Err(error @ (PutError::TooLarge { .. } | PutError::Unavailable(_))) = stored {
        tracing::warn!(%error, "a module cannot be stored");
        return Err(Refusal::unavailable());
    }
    let row = ModuleRow {
        digest: digest.to_string(),
        passes: asked.passes,
        signature: signature.0.to_vec(),
        bytes: length,
        enabled: asked.enabled.unwrap_or(false),
        actor: caller.actor().to_string(),
        created_ms: api.now_ms(),
    };
    let workspace = tenant(&caller);
    let mut row = api.store.module_put(workspace, &row).await?;
    if let Some(enabled) = asked.enabled.filter(|enabled| *enabled != row.enabled) {
        let changed = api.store.module_enable(workspace, &row.digest, enabled).await?;
        row = changed.unwrap_or(row);
    }
    Ok((StatusCode::CREATED, Json(view(&api.modules, row))))
}

/// What a request says, decoded.
struct Read {
    digest: Digest,
    bytes: Vec<u8>,
    signature: Signature,
}

fn read(asked: &AddModule) -> Result<Read, Refusal> {
    let mut items = Vec::new();
    let mut wrong = |pointer: &str, message: &str| {
        items.push(ProblemItem::at(pointer, "invalid_value", message));
    };
    let digest = asked.digest.parse::<Digest>();
    if digest.is_err() {
        wrong("/digest", "a digest is `sha256:` and 64 hex digits");
    }
    let bytes = STANDARD.decode(&asked.module);
    if bytes.is_err() {
        wrong("/module", "it is not base64");
    }
    let signature = asked.signature.parse::<Signature>();
    if signature.is_err() {
        wrong("/signature", "a signature is 128 hex digits");
    }
    if asked.passes.is_empty() || asked.passes.len() > PASSES_MAX {
        wrong("/passes", &format!("name 1 to {PASSES_MAX} passes"));
    }
    for (place, name) in asked.passes.iter().enumerate() {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(plain) {
            let message = format!("a name has 1 to {NAME_CHARS_MAX} characters of a-z 0-9 -");
            wrong(&format!("/passes/{place}"), &message);
        } else if asked.passes.iter().take(place).any(|other| other == name) {
            wrong(&format!("/passes/{place}"), &format!("`{name}` is named twice"));
        }
    }
    match (digest, bytes, signature) {
        (Ok(digest), Ok(bytes), Ok(signature)) if items.is_empty() => {
            Ok(Read { digest, bytes, signature })
        }
        _ => {
            let detail = items.first().map(|item| item.message.clone()).unwrap_or_default();
            Err(Problem::new(ErrorCode::InvalidRequest, detail).with_errors(items).into())
        }
    }
}

fn refused(error: Refused) -> Refusal {
    let problem = match &error {
        Refused::Busy => Problem::new(ErrorCode::Overloaded, error.to_string())
            .with_hint("try again in a moment"),
        Refused::Broken(_) => {
            tracing::error!(%error, "a module cannot be judged");
            return Refusal::internal();
        }
        Refused::Module(ModuleError::Untrusted(_)) => {
            Problem::new(ErrorCode::ModuleRefused, error.to_string()).with_hint(
                "what is signed is `aob.optimizer.module.1`, a zero byte and the 32 bytes of the digest",
            )
        }
        Refused::Module(
            ModuleError::TooLarge { .. }
            | ModuleError::Invalid(_)
            | ModuleError::Imports(_)
            | ModuleError::Lacks(_),
        ) => Problem::new(ErrorCode::ModuleRefused, error.to_string())
            .with_hint("docs/optimizer.md says what a module exports; it imports nothing"),
    };
    problem.into()
}
