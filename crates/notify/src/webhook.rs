//! Sending over HTTP: signed webhooks, and Slack's.

use aob_egress::{Client, Request};
use aob_store::{TimeMs, WorkspaceId};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};

use crate::message::Message;
use crate::outcome::Outcome;
use crate::signing::{Secret, signature};
use crate::slack;

/// How long a receiver may take to answer.
const ANSWER_MS_MAX: u64 = 15_000;
/// Who we are.
const AGENT: &str = concat!("aob/", env!("CARGO_PKG_VERSION"));

/// What is sent of a message: headers and body of a signed request.
pub(crate) fn signed(message: &Message, secret: &Secret, now_ms: TimeMs) -> (HeaderMap, Vec<u8>) {
    let body = message.json().to_string().into_bytes();
    let timestamp_s = now_ms.div_euclid(1_000);
    let mut headers = HeaderMap::new();
    let values = [
        ("webhook-id", message.id.clone()),
        ("webhook-timestamp", timestamp_s.to_string()),
        ("webhook-signature", signature(secret, &message.id, timestamp_s, &body)),
    ];
    for (name, value) in values {
        // Ids are letters and digits, and the others are ours.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    (headers, body)
}

/// What is sent of a message to Slack.
pub(crate) fn of_slack(message: &Message) -> (HeaderMap, Vec<u8>) {
    (HeaderMap::new(), slack::body(message).to_string().into_bytes())
}

/// Sends a request and says what came of it. Redirects are not followed: what was added is what is
/// told, and nobody else.
pub(crate) async fn post(
    http: &Client,
    workspace: WorkspaceId,
    url: &str,
    (mut headers, body): (HeaderMap, Vec<u8>),
    now_ms: TimeMs,
) -> Outcome {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let request = Request {
        headers,
        body: body.into(),
        timeout_ms: ANSWER_MS_MAX,
        ..Request::new(Method::POST, url)
    };
    // What the body of the answer says is nobody's business.
    match http.send_streaming(workspace.0.into_bytes(), request, ANSWER_MS_MAX).await {
        Ok(answer) => Outcome::of_answer(answer.status, &answer.headers, now_ms),
        Err(error) => Outcome::of_error(&error),
    }
}
