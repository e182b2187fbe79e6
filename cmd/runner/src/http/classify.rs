//! What an answer outside `expect`, or the lack of one, means for the attempt.

use aob_api::jobs::{FailureMessage, RawText};
use aob_engine::Timestamp;
use aob_ir::EffectClass;
use http::StatusCode;
use serde_json::{Value, json};

use super::request::Summary;
use super::{OutgoingResponse, SendError, reply, retry_after};
use crate::attempt::cut;

/// Bytes of a refused answer's body that its failure shows.
const EXCERPT_BYTES_MAX: usize = 2 * 1024;

/// The failure for a status outside `expect`: 429 is retryable, 5xx leaves open what happened,
/// everything else is final.
pub(crate) fn status(
    effect: EffectClass,
    request: &Summary,
    response: &OutgoingResponse,
    now: Timestamp,
) -> FailureMessage {
    let status = response.status;
    let message = format!("{request} answered {status}");
    let code = "http_status";
    let failure = if status == StatusCode::TOO_MANY_REQUESTS {
        FailureMessage::transient(code, message)
    } else if status.is_server_error() {
        FailureMessage::uncertain(effect, code, message)
    } else {
        FailureMessage::permanent(code, message)
    };
    let retry_after_ms = retry_after::read(&response.headers, now);
    let details = json!({ "status": status.as_u16(), "body": excerpt(response) });
    FailureMessage {
        retry_after_ms: retry_after_ms.filter(|_| failure.retryable),
        details: Some(RawText::of(&details)),
        ..failure
    }
}

/// The failure for a request without an answer.
pub(crate) fn error(effect: EffectClass, request: &Summary, error: SendError) -> FailureMessage {
    let message = format!("{request}: {error}");
    match error {
        SendError::Refused(_) => FailureMessage::permanent("egress_refused", message),
        SendError::Busy { retry_after_ms, .. } => {
            FailureMessage { retry_after_ms, ..FailureMessage::transient("egress_busy", message) }
        }
        SendError::NotConnected(_) => FailureMessage::transient("connect_failed", message),
        SendError::TimedOut { sent: false } => FailureMessage::transient("timeout", message),
        SendError::TimedOut { sent: true } => FailureMessage::uncertain(effect, "timeout", message),
        SendError::Broken(_) => FailureMessage::uncertain(effect, "connection_lost", message),
        SendError::Garbled(_) => FailureMessage::uncertain(effect, "bad_response", message),
        SendError::TooLong { .. } => FailureMessage::permanent("response_too_large", message),
    }
}

/// The body where it is short, else the beginning of its text.
fn excerpt(response: &OutgoingResponse) -> Value {
    if response.body.len() <= EXCERPT_BYTES_MAX {
        return reply::body(response);
    }
    let text = String::from_utf8_lossy(&response.body[..EXCERPT_BYTES_MAX]);
    Value::from(cut(&text, EXCERPT_BYTES_MAX))
}
