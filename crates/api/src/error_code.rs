//! The codes of errors: the one list that clients may rely on.

use std::fmt;
use std::str::FromStr;

/// Declares [`ErrorCode`] from one table: explanation, variant, wire name, HTTP status, title, and
/// whether the same request may succeed later.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal, $status:literal, $title:literal, $retry:literal;)+) => {
        /// Kinds of errors of the API, in alphabetical order. A code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ErrorCode {
            /// Every code, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// A few words, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// True where the same request may succeed later.
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retry,)+ }
            }

            /// What it means and what to do, for people.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The ticket was decided before, and differently. Its decision stands.
    AlreadyDecided => "already_decided", 409, "The ticket is decided already", false;
    /// The workspace stores no value with this digest.
    ArtifactNotFound => "artifact_not_found", 404, "There is no such artifact", false;
    /// The attempt is over or asked to stop: what it says changes nothing any more.
    AttemptOver => "attempt_over", 409, "The attempt is over", false;
    /// The request's body is larger than this route takes. Long values can be stored as artifacts first.
    BodyTooLarge => "body_too_large", 413, "The body is too large", false;
    /// What a budget has left is set aside for calls that are under way. Ask again after a moment.
    BudgetBusy => "budget_busy", 429, "The budget is set aside for calls under way", true;
    /// A budget has no room for the call: it must not be made. The instance is parked, its attempt is over, and
    /// `budget.ticket` asks people to raise the budget; raised, the node goes on with another attempt.
    BudgetExhausted => "budget_exhausted", 409, "The budget is exhausted", false;
    /// Another run that is not over holds this dedup key. `policy: attach` answers with that run instead.
    DedupConflict => "dedup_conflict", 409, "Another run holds the dedup key", false;
    /// The bytes do not have the digest that the path names. Nothing was stored.
    DigestMismatch => "digest_mismatch", 422, "The bytes have another digest", false;
    /// The edits touch a field that may not be edited, one that is not there, or give a run more than
    /// was proposed. Nothing was decided.
    EditRefused => "edit_refused", 422, "The edits are not allowed", false;
    /// Nothing is sent to the endpoint any more, because it answered that it is gone. Enable it first.
    EndpointDisabled => "endpoint_disabled", 409, "The endpoint is disabled", false;
    /// The workspace has no endpoint of notifications with this id.
    EndpointNotFound => "endpoint_not_found", 404, "There is no such endpoint", false;
    /// The API key is valid and its roles do not permit this. An admin can create a key that may.
    Forbidden => "forbidden", 403, "This API key may not do that", false;
    /// Whoever asks started the run, proposed the patch or edited it: somebody else has to approve it.
    /// They may reject it.
    FourEyes => "four_eyes", 403, "Somebody else has to approve this", false;
    /// A request with the same `Idempotency-Key` is being carried out at this moment.
    IdempotencyInFlight => "idempotency_in_flight", 409, "The same request is under way", true;
    /// The `Idempotency-Key` was used for a request with another body. A new request needs a new key.
    IdempotencyKeyReused => "idempotency_key_reused", 422, "The idempotency key was used for another request", false;
    /// Something broke inside the server. The log of the server has the details under the request's id.
    Internal => "internal", 500, "Internal error", false;
    /// The body is not one well-formed JSON (or YAML) text: bad syntax, not UTF-8, a repeated key, or nested too deeply.
    InvalidBody => "invalid_body", 400, "The body cannot be read", false;
    /// The cursor is not one that this list gave out. Start from the beginning without `cursor`.
    InvalidCursor => "invalid_cursor", 400, "The cursor is not valid", false;
    /// The data given with the approval does not fit the form of the ticket.
    InvalidForm => "invalid_form", 422, "The data does not fit the form", false;
    /// A request header has a value that cannot be used.
    InvalidHeader => "invalid_header", 400, "A header is not valid", false;
    /// The inputs do not fit the schema that the workflow declares under `inputs`.
    InvalidInputs => "invalid_inputs", 422, "The inputs do not fit the workflow", false;
    /// What speaks for an attempt has to show the token of its job, as leased with the same API key, while the attempt is outstanding.
    InvalidJobToken => "invalid_job_token", 403, "The token is not one of an outstanding job", false;
    /// The output given by hand breaks a postcondition of the node, or a condition behind it cannot be judged on it.
    InvalidOutput => "invalid_output", 422, "The output does not fit the node", false;
    /// A query parameter is unknown or has a value that cannot be used.
    InvalidParameter => "invalid_parameter", 400, "A query parameter is not valid", false;
    /// The body is well-formed and is not what this route expects; `errors` says where and why.
    InvalidRequest => "invalid_request", 422, "The request is not valid", false;
    /// The name of a reservation stands for another one, or for none. Reserve before a call under a new name, settle after it under the same.
    InvalidReservation => "invalid_reservation", 409, "The reservation is not valid", false;
    /// The workflow document has errors; `errors` lists all of them with their places.
    InvalidWorkflow => "invalid_workflow", 422, "The workflow is not valid", false;
    /// The API key that the path names does not exist in the workspace.
    KeyNotFound => "key_not_found", 404, "There is no such API key", false;
    /// A limit of the run or of the server would be exceeded.
    LimitExceeded => "limit_exceeded", 422, "A limit would be exceeded", false;
    /// The path exists and does not take this method; the `Allow` header names those it takes.
    MethodNotAllowed => "method_not_allowed", 405, "The method is not allowed here", false;
    /// The workspace has no module of the optimizer with this digest.
    ModuleNotFound => "module_not_found", 404, "There is no such module", false;
    /// The module is not what its digest says, no trusted key signed it, or it is not one that the
    /// optimizer can run. Nothing was stored.
    ModuleRefused => "module_refused", 422, "The module is refused", false;
    /// No `signal` node of the run says `webhook: true`.
    NoWebhook => "no_webhook", 409, "No node takes signals by webhook", false;
    /// The route cannot answer in any of the media types that `Accept` names.
    NotAcceptable => "not_acceptable", 406, "No acceptable representation", false;
    /// Whoever asks may not decide this ticket, or has voted on it before.
    NotAnApprover => "not_an_approver", 403, "Not an approver of this ticket", false;
    /// The instance is not parked. Only parked instances are retried, skipped, failed or completed by hand.
    NotParked => "not_parked", 409, "The instance is not parked", false;
    /// The run is not paused, so there is nothing to resume.
    NotPaused => "not_paused", 409, "The run is not paused", false;
    /// The instance parked before its first attempt (a precondition, an unknown type): trying again would give the same.
    NotRetryable => "not_retryable", 409, "Trying again would give the same", false;
    /// The request names something that is planned and not built yet. It is refused rather than ignored.
    NotYetSupported => "not_yet_supported", 422, "Not supported yet", false;
    /// The tag is at the version that was made last, so there is nothing to redo. A version that was made
    /// after an undo takes the place of what was undone; `POST /v1/tags/{tag}/move` still leads there.
    NothingToRedo => "nothing_to_redo", 409, "There is nothing to redo", false;
    /// The tag is at its first version, so there is nothing to undo.
    NothingToUndo => "nothing_to_undo", 409, "There is nothing to undo", false;
    /// Too much waits in front of the coordinators. Try again after `retry_after_ms`.
    Overloaded => "overloaded", 429, "The server is overloaded", true;
    /// The run or the workflow has moved on, and later patches changed what this one touches. Both sides
    /// are in the problem; make the patch against the document that holds.
    PatchConflict => "patch_conflict", 409, "The patch conflicts with later ones", false;
    /// The patch was applied, rejected or taken back already.
    PatchDecided => "patch_decided", 409, "The patch is decided", false;
    /// The patch breaks a rule: `errors` says which, where, and what to do.
    PatchRefused => "patch_refused", 422, "The patch is refused", false;
    /// What the request rests on (`If-Match`, `If-None-Match`) is not so any more. Read again, then decide again.
    PreconditionFailed => "precondition_failed", 412, "It has changed in the meantime", false;
    /// The workspace starts runs of this tier faster than it may. Try again after `retry_after_ms`.
    RateLimited => "rate_limited", 429, "Too many requests", true;
    /// The request took too long to arrive.
    RequestTimeout => "request_timeout", 408, "The request took too long", true;
    /// No route has this path.
    RouteNotFound => "route_not_found", 404, "There is nothing here", false;
    /// The run is being cancelled, and takes no commands until that is done.
    RunCancelling => "run_cancelling", 409, "The run is being cancelled", false;
    /// The workspace has no run with this id.
    RunNotFound => "run_not_found", 404, "There is no such run", false;
    /// The run is over. What has ended is not changed; start another run.
    RunTerminal => "run_terminal", 409, "The run is over", false;
    /// A thousand signals of this name wait already, and nothing consumes them.
    SignalBufferFull => "signal_buffer_full", 409, "Too many signals wait", false;
    /// A sub-workflow that the document names by tag does not exist in the workspace.
    SubWorkflowNotFound => "sub_workflow_not_found", 422, "A sub-workflow does not exist", false;
    /// What is to be approved is not what was shown. Look at the ticket again, then decide.
    SubjectChanged => "subject_changed", 409, "What is approved has changed", false;
    /// The time of the ticket is over. What waited for it goes on as after a timeout.
    TicketExpired => "ticket_expired", 410, "The ticket's time is over", false;
    /// Too many wrong API keys or webhook signatures came from this address. Correct them, and try again after `retry_after_ms`.
    TooManyAttempts => "too_many_attempts", 429, "Too many wrong API keys or signatures", true;
    /// Too many streams are open for this API key or for this run.
    TooManyStreams => "too_many_streams", 429, "Too many streams are open", true;
    /// The request has no API key, or one that is unknown, expired or revoked.
    Unauthenticated => "unauthenticated", 401, "An API key is needed", false;
    /// Storage does not answer. Whether the command will be carried out is not known: repeat it with
    /// the same `Idempotency-Key`.
    Unavailable => "unavailable", 503, "The server cannot reach its storage", true;
    /// The patch was made against a document that this run never had. Make it against the one that
    /// `GET /v1/runs/{id}/graph` shows.
    UnknownBase => "unknown_base", 409, "The base is not of this run", false;
    /// Nothing of this name has a budget: the run was started without one, or the node declares none.
    UnknownBudget => "unknown_budget", 404, "There is no such budget", false;
    /// The run has no instance of this name.
    UnknownInstance => "unknown_instance", 404, "There is no such instance", false;
    /// The run, or the workflow, has no patch with this id.
    UnknownPatch => "unknown_patch", 404, "There is no such patch", false;
    /// The workspace has no ticket with this id.
    UnknownTicket => "unknown_ticket", 404, "There is no such ticket", false;
    /// The route does not take bodies of this `Content-Type`.
    UnsupportedMediaType => "unsupported_media_type", 415, "The media type is not supported", false;
    /// Sub-workflows name each other in a circle, so that a run would never end.
    WorkflowCycle => "workflow_cycle", 422, "Sub-workflows form a circle", false;
    /// The workspace has no workflow with this tag, version or digest.
    WorkflowNotFound => "workflow_not_found", 404, "There is no such workflow", false;
}

impl ErrorCode {
    /// The URI that names the kind of problem (`type` of RFC 9457).
    pub fn uri(self) -> String {
        format!("https://aob.dev/errors/{}", self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A code that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownErrorCode(pub String);

impl fmt::Display for UnknownErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a known error code", self.0)
    }
}

impl std::error::Error for UnknownErrorCode {}

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(name: &str) -> Result<Self, UnknownErrorCode> {
        let found = Self::ALL.iter().find(|code| code.as_str() == name);
        found.copied().ok_or_else(|| UnknownErrorCode(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn codes_are_alphabetical_explained_and_errors() {
        let listed: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, listed);
        for code in ErrorCode::ALL {
            assert!(code.explanation().ends_with('.'), "{code}");
            assert!(!code.title().ends_with('.'), "{code}");
            assert!((400..600).contains(&code.status()), "{code}");
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }

    #[test]
    fn what_says_when_to_come_back_is_worth_repeating() {
        for code in ErrorCode::ALL {
            if matches!(code.status(), 408 | 429 | 503) {
                assert!(code.is_retryable(), "{code}");
            }
        }
    }
}
