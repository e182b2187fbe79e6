//! `POST /v1/runners/reserve` and `POST /v1/runners/settle`: around each call of a model.

use aob_api::jobs::{AttemptKey, ReserveRequest, ReserveResponse, SettleRequest, SettleResponse};
use aob_api::{BudgetView, ErrorCode, Problem, ProblemItem};
use aob_coordinator::{Committed, Submission, SubmitError};
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use aob_engine::{Command, CommandId, RejectionCode, Request, ReserveBudget, SettleBudget};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::token::{JobToken, invalid_token};
use crate::api::{Api, Parts};
use crate::errors::{rejected, submit_error};

/// Milliseconds after which asking again makes sense where a budget is set aside for other calls.
const BUSY_RETRY_MS: u64 = 500;

/// Sets budget aside before a call of a model, and answers once that is durable: only then may the call
/// be made. `budget_busy`: ask again. `budget_exhausted`: the instance is parked, this attempt is over,
/// and a ticket asks people for more. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/v1/runners/reserve", tag = "runners", operation_id = "runners_reserve",
    params(("Aob-Job-Token" = String, Header, description = "Token of the job that calls")),
    request_body = ReserveRequest,
    responses(
        (status = 200, body = ReserveResponse),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reserve(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    token: JobToken,
    body: JsonBody<ReserveRequest>,
) -> Answer<Json<ReserveResponse>> {
    Query::of(&uri, &[])?;
    let job = api.spender(&caller, &token).await?;
    let ReserveRequest { reservation, amounts } = body.value;
    in_range(amounts.problems("/amounts"))?;
    let command = Command::ReserveBudget(ReserveBudget {
        instance: job.instance.clone(),
        attempt: job.attempt,
        reservation,
        amounts: amounts.into(),
    });
    match api.spend(&caller, &job, command).await {
        Ok(committed) if committed.changed && !committed.reserved => {
            Err(api.exhausted(&caller, &job).await?)
        }
        Ok(committed) => Ok(Json(ReserveResponse { reserved: committed.reserved })),
        Err(SubmitError::Rejected(rejection)) if rejection.code == RejectionCode::BudgetBusy => {
            let Refusal(problem) = rejected(rejection);
            Err(problem.with_retry_after_ms(BUSY_RETRY_MS).into())
        }
        Err(error) => Err(submit_error(error)),
    }
}

/// Says what a call used, which is charged instead of what was reserved. Repeating it changes nothing;
/// what is not settled when its attempt ends is charged in full.
#[utoipa::path(
    post, path = "/v1/runners/settle", tag = "runners", operation_id = "runners_settle",
    params(("Aob-Job-Token" = String, Header, description = "Token of the job that called")),
    request_body = SettleRequest,
    responses(
        (status = 200, body = SettleResponse),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn settle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    token: JobToken,
    body: JsonBody<SettleRequest>,
) -> Answer<Json<SettleResponse>> {
    Query::of(&uri, &[])?;
    let job = api.spender(&caller, &token).await?;
    let SettleRequest { reservation, used } = body.value;
    in_range(used.problems("/used"))?;
    let command = Command::SettleBudget(SettleBudget {
        instance: job.instance.clone(),
        attempt: job.attempt,
        reservation,
        used: used.into(),
    });
    let committed = api.spend(&caller, &job, command).await.map_err(submit_error)?;
    Ok(Json(SettleResponse { accepted: committed.changed }))
}

/// Refuses amounts that are out of range.
pub(crate) fn in_range(errors: Vec<ProblemItem>) -> Result<(), Refusal> {
    let Some(first) = errors.first() else { return Ok(()) };
    let problem = Problem::new(ErrorCode::InvalidRequest, first.message.clone());
    Err(problem.with_errors(errors).into())
}

impl Parts {
    /// The attempt that a request spends for: its token says so, and nothing else.
    async fn spender(&self, caller: &Caller, token: &JobToken) -> Result<AttemptKey, Refusal> {
        let job = self.named_by(caller, token).await?;
        job.ok_or_else(|| invalid_token("a budget is spent with the token of a job"))
    }

    async fn spend(
        &self,
        caller: &Caller,
        job: &AttemptKey,
        command: Command,
    ) -> Result<Committed, SubmitError> {
        let id = CommandId(format!("api:{}", self.random_hex()).into());
        let submission = Submission {
            workspace: caller.workspace(),
            run: job.run,
            request: Request { id, actor: caller.actor(), command },
            // The engine knows repetitions by the reservation's name.
            key: None,
            dedup: None,
            ir: None,
            token: (),
        };
        self.coordinator.handle.try_submit(submission).await
    }

    /// What a runner is told whose call finds no room.
    async fn exhausted(&self, caller: &Caller, job: &AttemptKey) -> Result<Refusal, Refusal> {
        let loaded = self.reads.loaded(caller, job.run).await?;
        let ir = self.reads.ir_of(&loaded).await?;
        let state = &loaded.state;
        let held = state.exhausted(&job.instance);
        let budgets = state.budgets(&ir);
        // Somebody may have raised it by now; the attempt is over all the same.
        let budget = held.and_then(|of| budgets.into_iter().find(|budget| budget.of == of));
        let detail = match &budget {
            Some(budget) => format!(
                "the budget of {} ({}) has no room for this call; {} are left",
                budget.of,
                budget.limit,
                budget.left()
            ),
            None => "the budget had no room for this call".to_owned(),
        };
        let hint = match budget.as_ref().and_then(|budget| budget.ticket.as_ref()) {
            Some(ticket) => format!(
                "do not call, and send no result: this attempt is over. The instance is parked until \
                 somebody decides {ticket}"
            ),
            None => "do not call, and send no result: this attempt is over".to_owned(),
        };
        let budget = budget.map(|budget| Box::new(BudgetView::from(budget)));
        let problem = Problem::new(ErrorCode::BudgetExhausted, detail).with_hint(hint);
        Ok(Problem { budget, ..problem }.into())
    }
}
