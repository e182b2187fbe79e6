//! `GET /v1/approvals/{ticket}`.

use aob_api::{GrowthView, Problem, ProposalView, TicketView, VoteView};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_engine::{Actor, Approver, Escalation, PatchId, PayloadRef, RunId, Vote};
use axum::Json;
use axum::extract::State;
use http::Uri;
use serde::Deserialize;

use super::summary;
use crate::api::{Api, Parts, tenant};
use crate::errors::{unknown_patch, unknown_ticket};
use crate::input::PathText;

/// What a stored ticket holds besides its columns.
#[derive(Deserialize)]
struct Detail {
    form: Option<PayloadRef>,
    subject: PayloadRef,
    approvers: Vec<Approver>,
    quorum: u32,
    votes: Vec<Cast>,
    escalations: Vec<Escalation>,
}

#[derive(Deserialize)]
struct Cast {
    by: Actor,
    vote: Vote,
}

/// Shows everything that an approver has to see.
#[utoipa::path(
    get, path = "/v1/approvals/{ticket}", tag = "approvals", operation_id = "approvals_get",
    params(("ticket" = String, Path)),
    responses(
        (status = 200, body = TicketView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(ticket): PathText,
    uri: Uri,
) -> Answer<Json<TicketView>> {
    Query::of(&uri, &[])?;
    let row = api.store.ticket(tenant(&caller), &ticket).await?;
    let row = row.ok_or_else(|| unknown_ticket(&ticket))?;
    let detail: Detail = serde_json::from_str(&row.detail).map_err(|error| {
        tracing::error!(%error, ticket, "a ticket cannot be read");
        Refusal::internal()
    })?;
    let wanted = detail.form.iter().copied().chain([detail.subject]);
    let values = api.values(&caller, RunId(row.run.0), wanted, &[]).await?;
    let (subject, subject_ref) = values.show(Some(detail.subject));
    let (form, _) = values.show(detail.form);
    let votes = detail.votes.into_iter().map(|cast| VoteView { by: cast.by, vote: cast.vote });
    let shown = summary(row)?;
    let proposal = match &shown.patch {
        Some(patch) => Some(api.proposed(&caller, shown.run, patch).await?),
        None => None,
    };
    Ok(Json(TicketView {
        ticket: shown.ticket,
        run: shown.run,
        instance: shown.instance,
        patch: shown.patch,
        proposal: proposal.map(Box::new),
        status: shown.status,
        message: shown.message,
        subject,
        subject_ref,
        subject_hash: shown.subject_hash,
        form,
        approvers: detail.approvers,
        quorum: detail.quorum,
        votes: votes.collect(),
        escalations: detail.escalations,
        created_at: shown.created_at,
        expires_at: shown.expires_at,
        decided_at: shown.decided_at,
    }))
}

impl Parts {
    /// Who asks for the patch, why, and what it changes.
    async fn proposed(
        &self,
        caller: &Caller,
        run: RunId,
        patch: &PatchId,
    ) -> Result<ProposalView, Refusal> {
        let loaded = self.loaded(caller, run).await?;
        let view = loaded.state.patch(patch).ok_or_else(|| unknown_patch(&patch.0))?;
        let diff = match view.result {
            Some(_) => Some(self.diff_of(caller, run, &view).await?),
            None => None,
        };
        Ok(ProposalView {
            by: view.by,
            origin: view.origin,
            description: view.description.to_string(),
            why: view.approval.map(|why| why.to_string()),
            growth: view.growth.iter().map(GrowthView::from).collect(),
            diff,
        })
    }
}
