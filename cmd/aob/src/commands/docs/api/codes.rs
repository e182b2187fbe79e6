//! Which errors a route answers, besides those that every route may.

use aob_api::ErrorCode as Code;
use aob_orchestrator::Operation as Op;

/// The codes of a route, in alphabetical order. `None`: it streams.
pub(super) fn of(operation: Option<Op>, body: bool, parameters: &[&str]) -> Vec<Code> {
    let mut codes = operation.map_or_else(|| vec![Code::RunNotFound, Code::TooManyStreams], own);
    if operation.is_none_or(|operation| operation.permission().is_some()) {
        codes.extend([Code::Unauthenticated, Code::Forbidden]);
    }
    if body {
        codes.extend([
            Code::BodyTooLarge,
            Code::InvalidBody,
            Code::InvalidRequest,
            Code::UnsupportedMediaType,
        ]);
    }
    for name in parameters {
        match *name {
            "Idempotency-Key" => codes.extend([
                Code::InvalidHeader,
                Code::IdempotencyInFlight,
                Code::IdempotencyKeyReused,
            ]),
            "Prefer" | "If-Match" | "If-None-Match" | "Last-Event-ID" | "webhook-id" => {
                codes.push(Code::InvalidHeader);
            }
            "Aob-Job-Token" => codes.extend([Code::InvalidHeader, Code::InvalidJobToken]),
            "cursor" => codes.push(Code::InvalidCursor),
            // A webhook's URL does not say what is wrong with it.
            "run" | "name" | "signature" if operation == Some(Op::WebhooksDeliver) => {}
            "run" => codes.push(Code::RunNotFound),
            "patch" => codes.push(Code::UnknownPatch),
            "ticket" => codes.push(Code::UnknownTicket),
            "tag" if operation.is_some_and(|operation| operation.path().contains("{tag}")) => {
                codes.push(Code::WorkflowNotFound);
            }
            _ => codes.push(Code::InvalidParameter),
        }
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// What starting a run may be refused for.
const START: &[Code] = &[
    Code::DedupConflict,
    Code::InvalidInputs,
    Code::InvalidWorkflow,
    Code::LimitExceeded,
    Code::NotYetSupported,
    Code::Overloaded,
    Code::PatchRefused,
    Code::RateLimited,
    Code::SubWorkflowNotFound,
    Code::WorkflowCycle,
    Code::WorkflowNotFound,
];
/// What a decision about a parked instance may be refused for.
const BY_HAND: &[Code] = &[
    Code::InvalidOutput,
    Code::NotParked,
    Code::NotRetryable,
    Code::Overloaded,
    Code::RunCancelling,
    Code::RunTerminal,
    Code::UnknownInstance,
];
const DECIDE: &[Code] = &[
    Code::AlreadyDecided,
    Code::EditRefused,
    Code::FourEyes,
    Code::InvalidForm,
    Code::NotAnApprover,
    Code::Overloaded,
    Code::PatchRefused,
    Code::RunCancelling,
    Code::RunTerminal,
    Code::SubjectChanged,
    Code::TicketExpired,
];
const SIGNAL: &[Code] =
    &[Code::Overloaded, Code::RunCancelling, Code::RunTerminal, Code::SignalBufferFull];
const DELIVER: &[Code] = &[
    Code::Overloaded,
    Code::RouteNotFound,
    Code::RunCancelling,
    Code::RunTerminal,
    Code::SignalBufferFull,
];
/// What a patch of a run may be refused for.
const PATCH: &[Code] = &[
    Code::LimitExceeded,
    Code::Overloaded,
    Code::PatchConflict,
    Code::PatchRefused,
    Code::RunCancelling,
    Code::RunTerminal,
    Code::SubWorkflowNotFound,
    Code::UnknownBase,
    Code::WorkflowCycle,
];
const REVERT: &[Code] = &[
    Code::LimitExceeded,
    Code::Overloaded,
    Code::PatchConflict,
    Code::PatchDecided,
    Code::PatchRefused,
    Code::RunCancelling,
    Code::RunTerminal,
];
const CREATE: &[Code] = &[
    Code::InvalidWorkflow,
    Code::NotYetSupported,
    Code::Overloaded,
    Code::PreconditionFailed,
    Code::SubWorkflowNotFound,
    Code::WorkflowCycle,
];
const RAISE: &[Code] = &[
    Code::InvalidForm,
    Code::NotAnApprover,
    Code::Overloaded,
    Code::RunCancelling,
    Code::RunTerminal,
    Code::UnknownBudget,
];
const RESERVE: &[Code] = &[
    Code::AttemptOver,
    Code::BudgetBusy,
    Code::BudgetExhausted,
    Code::InvalidJobToken,
    Code::InvalidReservation,
    Code::LimitExceeded,
    Code::Overloaded,
    Code::RunNotFound,
];
const SETTLE: &[Code] =
    &[Code::InvalidJobToken, Code::InvalidReservation, Code::Overloaded, Code::RunNotFound];
/// What a patch of a workflow may be refused for.
const NEXT_VERSION: &[Code] = &[
    Code::Overloaded,
    Code::PatchConflict,
    Code::PatchRefused,
    Code::PreconditionFailed,
    Code::SubWorkflowNotFound,
    Code::WorkflowCycle,
];

/// What a command on an endpoint may be refused for.
const ENDPOINT: &[Code] = &[Code::EndpointNotFound];

/// What the command itself may be refused for.
fn own(operation: Op) -> Vec<Code> {
    let by_hand = |code: &&Code| {
        (**code != Code::InvalidOutput || operation == Op::RunsSucceed)
            && (**code != Code::NotRetryable || operation == Op::RunsRetry)
    };
    codes(operation).iter().filter(by_hand).copied().collect()
}

/// The same, with what only some commands of a kind may be refused for.
#[expect(clippy::too_many_lines, reason = "an arm for each operation, and nothing else")]
fn codes(operation: Op) -> &'static [Code] {
    match operation {
        Op::ApprovalsDecide => DECIDE,
        Op::ArtifactsGet => &[Code::ArtifactNotFound],
        Op::ArtifactsPut => &[Code::BodyTooLarge, Code::DigestMismatch],
        Op::KeysRevoke => &[Code::KeyNotFound],
        Op::NotificationsEndpointsAdd => &[Code::LimitExceeded],
        Op::NotificationsEndpointsEnable | Op::NotificationsEndpointsRemove => ENDPOINT,
        Op::NotificationsEndpointsTest => &[Code::EndpointDisabled, Code::EndpointNotFound],
        Op::OptimizerModulesAdd => &[Code::ModuleRefused, Code::Overloaded],
        Op::OptimizerModulesDisable | Op::OptimizerModulesEnable => &[Code::ModuleNotFound],
        Op::RunnersHeartbeat => &[Code::InvalidJobToken],
        Op::RunnersReserve => RESERVE,
        Op::RunnersResult => &[Code::Overloaded, Code::RunNotFound],
        Op::RunnersSettle => SETTLE,
        Op::RunsBudgetRaise => RAISE,
        Op::RunsStart | Op::RunsBatch => START,
        Op::RunsCancel | Op::RunsPause => &[Code::Overloaded, Code::RunTerminal],
        Op::RunsPatch | Op::RunsPatchesPropose => PATCH,
        Op::RunsPatchesDiff => &[Code::PatchRefused],
        Op::RunsPatchesRevert => REVERT,
        Op::RunsPatchesWithdraw => &[Code::Overloaded, Code::PatchDecided, Code::RunTerminal],
        Op::RunsResume => &[Code::NotPaused, Code::Overloaded, Code::RunTerminal],
        Op::RunsSignal => SIGNAL,
        Op::RunsWebhook => &[Code::NoWebhook],
        Op::WebhooksDeliver => DELIVER,
        Op::RunsRetry | Op::RunsSucceed | Op::RunsSkip | Op::RunsFail => BY_HAND,
        Op::TagsCanary | Op::TagsMove => &[Code::Overloaded, Code::PreconditionFailed],
        Op::TagsRedo => &[Code::NothingToRedo, Code::Overloaded, Code::PreconditionFailed],
        Op::TagsUndo => &[Code::NothingToUndo, Code::Overloaded, Code::PreconditionFailed],
        Op::WorkflowsCreate => CREATE,
        Op::WorkflowsPatchesPropose => NEXT_VERSION,
        Op::ApprovalsGet
        | Op::ApprovalsList
        | Op::KeysCreate
        | Op::KeysList
        | Op::MetaHealth
        | Op::MetaOpenapi
        | Op::MetaReady
        | Op::NotificationsDeliveriesList
        | Op::NotificationsEndpointsList
        | Op::OptimizerModulesList
        | Op::RunnersClaim
        | Op::RunnersLease
        | Op::RunsEvents
        | Op::RunsExplain
        | Op::RunsGet
        | Op::RunsGraph
        | Op::RunsList
        | Op::RunsPatchesGet
        | Op::RunsPatchesList
        | Op::RunsTimeline
        | Op::RunsVerify
        | Op::TagsGet
        | Op::TagsHistory
        | Op::TagsList
        | Op::WorkflowsDiff
        | Op::WorkflowsGet
        | Op::WorkflowsList
        | Op::WorkflowsPatchesGet
        | Op::WorkflowsPatchesList
        | Op::WorkflowsValidate
        | Op::WorkflowsVersions => &[],
    }
}
