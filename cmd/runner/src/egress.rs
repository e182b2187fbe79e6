//! The egress client as the port that `http` jobs and the runner protocol send through.

use std::error::Error as _;

use aob_egress::{Client, EgressError, Request};
use async_trait::async_trait;

use crate::http::{HttpPort, OutgoingRequest, OutgoingResponse, SendError};

#[async_trait]
impl HttpPort for Client {
    async fn send(&self, request: OutgoingRequest) -> Result<OutgoingResponse, SendError> {
        let timeout_ms = u64::try_from(request.timeout.as_millis()).unwrap_or(u64::MAX);
        let workspace = *request.workspace.0.as_bytes();
        let request = Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout_ms,
            max_bytes: request.response_bytes_max,
            redirects: request.redirects,
            repeatable: request.repeatable,
        };
        let response = Self::send(self, workspace, request).await.map_err(translate)?;
        let aob_egress::Response { status, headers, body, .. } = response;
        Ok(OutgoingResponse { status, headers, body })
    }
}

fn translate(error: EgressError) -> SendError {
    let problem = with_sources(&error);
    if error.refusal().is_some() {
        return SendError::Refused(problem);
    }
    match error {
        EgressError::Refused(_) => SendError::Refused(problem),
        EgressError::CircuitOpen { retry_after_ms } => {
            SendError::Busy { problem, retry_after_ms: Some(retry_after_ms) }
        }
        EgressError::Connect { .. } => SendError::NotConnected(problem),
        EgressError::Timeout { sent } => SendError::TimedOut { sent },
        EgressError::Lost { .. } => SendError::Broken(problem),
        EgressError::TooLarge { limit, .. } => SendError::TooLong { limit },
        EgressError::BadResponse { .. } => SendError::Garbled(problem),
        // The first request was answered, so whatever failed behind it, something was sent.
        EgressError::Redirect { .. } => SendError::Broken(problem),
    }
}

/// What the error says, and what it came from.
fn with_sources(error: &EgressError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
