//! `POST /v1/workflows/{tag}/patches`.

use aob_api::{ErrorCode, PlanView, Problem, ProposeWorkflowPatch, WorkflowPatch};
use aob_coordinator::{PatchCreated, PatchRefusal, Proposed};
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal, new_run_id};
use aob_engine::Timestamp;
use aob_ir::Digest;
use aob_materializer::Patch;
use aob_store::tagging::TagRefusal;
use aob_store::{PatchPut, PatchRow, PatchStatus, TagRow};
use aob_validator::Author;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::IntoResponse;
use http::request::Parts as RequestParts;
use serde_json::json;

use super::{author_of, digest_of, refusal};
use crate::api::{Api, Parts, tenant};
use crate::endpoints::tags::change;
use crate::errors::{workflow_error, workflow_not_found};
use crate::idempotency::{Met, Once, same_body};
use crate::input::{PathText, flag};
use crate::wait::Wait;

/// Pending patches of one workflow; more have to wait for them.
const PENDING_MAX: u64 = 1_000;

/// Patches a workflow: its next version. The patch is accepted with 202 and decided by a worker,
/// together with others of the workflow; `Prefer: wait=10` waits for the decision. With `?dry_run`
/// nothing happens, and the answer is the plan.
#[utoipa::path(
    post, path = "/v1/workflows/{tag}/patches", tag = "workflows",
    operation_id = "workflows_patches_propose",
    params(
        ("tag" = String, Path),
        ("dry_run" = Option<bool>, Query, description = "Only plan"),
        ("Idempotency-Key" = Option<String>, Header),
        ("If-Match" = Option<String>, Header, description = "`\"3\"`: refused unless the tag is at version 3 when the patch arrives, and when it is decided"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the patch is decided, or after N seconds"),
    ),
    request_body = ProposeWorkflowPatch,
    responses(
        (status = 200, body = PlanView, description = "What it would do (`?dry_run`)"),
        (status = 201, body = WorkflowPatch, description = "Applied (`Prefer: wait`)"),
        (status = 202, body = WorkflowPatch, description = "Accepted; `Location` is where to follow it"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    asked: Asked,
    body: JsonBody<ProposeWorkflowPatch>,
) -> Answer {
    let Asked { dry, once, wait: Wait(wait), expected } = asked;
    let JsonBody { value, hash } = body;
    if dry {
        let proposal = api.workflow_proposal(&caller, &tag, value, expected).await?;
        return api.workflow_plan(&caller, &proposal).await;
    }
    let _turn = match api.meet(&caller, &once, hash).await? {
        Met::Answer(row) => return api.follow_patch(&caller, &row.response, wait).await,
        Met::Nothing(turn) => turn,
    };
    let proposal = api.workflow_proposal(&caller, &tag, value, expected).await?;
    api.room(&caller, &tag).await?;
    let row = api.accepted(&caller, proposal)?;
    let key = api.key_row(&once, hash, 202, json!({"patch": row.id}).to_string());
    match api.store.patch_put(tenant(&caller), &row, key.as_ref()).await? {
        PatchPut::Stored => {}
        PatchPut::Key(row) => {
            return api.follow_patch(&caller, &same_body(row, hash)?.response, wait).await;
        }
    }
    api.announce(&caller, &row).await;
    api.answer_patch(&caller, row, wait).await
}

/// What the request says outside of its body.
#[derive(Debug)]
pub(crate) struct Asked {
    dry: bool,
    once: Once,
    wait: Wait,
    expected: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut RequestParts, state: &S) -> Result<Self, Refusal> {
        let dry = flag(&Query::of(&parts.uri, &["dry_run"])?, "dry_run")?;
        let once = Once::from_request_parts(parts, state).await?;
        let wait = Wait::from_request_parts(parts, state).await?;
        Ok(Self { dry, once, wait, expected: change::expected(&parts.headers)? })
    }
}

/// A patch that is well-formed, of a document that is there.
struct Proposal {
    at: TagRow,
    author: Author,
    against: Digest,
    patch: Patch,
    description: Option<String>,
    expected: Option<u64>,
}

impl Parts {
    async fn workflow_proposal(
        &self,
        caller: &Caller,
        tag: &str,
        body: ProposeWorkflowPatch,
        expected: Option<u64>,
    ) -> Result<Proposal, Refusal> {
        let at = self.store.tag(tenant(caller), tag).await?;
        if expected
            .is_some_and(|expected| expected != at.as_ref().map_or(0, |at| at.current.version))
        {
            return Err(change::refused(tag, TagRefusal::Expected(at)));
        }
        let at = at.ok_or_else(|| workflow_not_found(tag))?;
        let author = author_of(caller, body.origin)?;
        let budget = self.coordinator.rules.budget_of(&author);
        let patch = Patch::parse(body.operations.0.get(), budget)
            .map_err(|errors| refusal(PatchRefusal::Malformed(errors), ""))?;
        let against = body.base.map_or_else(|| digest_of(&at.current), Ok)?;
        let base = self.coordinator.workflows.ir(caller.workspace(), against).await;
        base.map_err(|error| workflow_error(error, "/base"))?;
        Ok(Proposal { at, author, against, patch, description: body.description, expected })
    }

    /// Answers what a patch would do.
    async fn workflow_plan(&self, caller: &Caller, proposal: &Proposal) -> Answer {
        let Proposal { at, author, against, patch, .. } = proposal;
        let (workflows, rules) = (&self.coordinator.workflows, &self.coordinator.rules);
        let base = workflows.ir(caller.workspace(), digest_of(&at.current)?).await;
        let base = base.map_err(|error| workflow_error(error, ""))?;
        let proposed = Proposed { patch, against: *against, author, rules };
        let plan = workflows.plan_patch(caller.workspace(), &base, proposed).await;
        let plan = plan.map_err(|refused| refusal(refused, "/base"))?;
        Ok(Json(plan.view(rules, author)).into_response())
    }

    fn accepted(&self, caller: &Caller, proposal: Proposal) -> Result<PatchRow, Refusal> {
        let Proposal { at, author, against, patch, description, expected } = proposal;
        let now_ms = self.now_ms();
        let operations = patch.canonical().map_err(|error| {
            Problem::new(ErrorCode::PatchRefused, format!("it has no canonical form: {error}"))
        })?;
        Ok(PatchRow {
            id: new_run_id(&self.entropy, now_ms).to_string(),
            tag: at.current.tag,
            base: against.to_string(),
            expected,
            operations,
            description,
            author: caller.actor().to_string(),
            origin: author.as_str().to_owned(),
            status: PatchStatus::Pending,
            created_ms: now_ms,
            decided_ms: None,
        })
    }

    /// Refuses where too many patches wait already.
    async fn room(&self, caller: &Caller, tag: &str) -> Result<(), Refusal> {
        let pending = self.store.patches_pending_count(tenant(caller), tag).await?;
        if pending >= PENDING_MAX {
            let detail = format!("{PENDING_MAX} patches of `{tag}` wait to be decided");
            return Err(Problem::new(ErrorCode::Overloaded, detail)
                .with_hint("slow down and try again")
                .with_retry_after_ms(1_000)
                .into());
        }
        Ok(())
    }

    /// Tells the workers. Where nobody hears it, they find the row.
    async fn announce(&self, caller: &Caller, row: &PatchRow) {
        let message = PatchCreated {
            workspace: caller.workspace().0,
            workflow: row.tag.clone(),
            patch: row.id.clone(),
            at: Timestamp(row.created_ms),
        };
        if let Err(error) = self.bus.publish(vec![message.outgoing()]).await {
            tracing::warn!(%error, patch = row.id, "nobody hears of a patch; it will be found");
        }
    }
}
