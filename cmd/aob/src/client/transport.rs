//! How calls travel.

use std::fmt;
use std::pin::Pin;

use aob_egress::{Allow, Client, ClientConfig, ConnectStage, EgressError, Policy, Request};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::{Answer, Call};
use crate::exit::Exit;
use crate::failure::Failure;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// A stream says something every 15 s, so after this long without it is dead.
const STREAM_IDLE_MS: u64 = 45_000;
/// The tenant that connections of this process count for.
const WORKSPACE: aob_egress::Workspace = [0; 16];

/// How a server is reached.
#[derive(Clone)]
pub(crate) enum Transport {
    /// A server anywhere.
    Remote(Client),
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remote(_) => "Remote",
        })
    }
}

/// The parts of a body as they arrive.
pub(crate) type Parts = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

impl Transport {
    /// HTTP to this server and to nothing else.
    pub(crate) fn remote(server: &Url) -> Result<Self, Failure> {
        let origin = server.origin().ascii_serialization();
        let allow = origin.parse::<Allow>().map_err(|error| {
            let todo = "name the server with --server, such as http://127.0.0.1:7700";
            Failure::usage(format!("the server {server} cannot be used: {error}"), todo)
        })?;
        Ok(Self::Remote(Client::new(ClientConfig::new(Policy::only(allow)))))
    }

    /// Sends a call and reads the whole answer.
    pub(crate) async fn send(
        &self,
        call: Call,
        url: Url,
        token: Option<&str>,
    ) -> Result<Answer, Failure> {
        let headers = headers(&call, token)?;
        match self {
            Self::Remote(client) => {
                let request = outgoing(&call, &url, headers, ANSWER_BYTES_MAX);
                let sent = client.send(WORKSPACE, request).await;
                let answer = sent.map_err(|error| unreachable(&error, &url))?;
                Ok(Answer { status: answer.status, headers: answer.headers, body: answer.body })
            }
        }
    }

    /// Sends a call and answers its body part by part. The body of a refusal is in the `Err`.
    pub(crate) async fn stream(
        &self,
        call: Call,
        url: Url,
        token: Option<&str>,
    ) -> Result<Result<Parts, Answer>, Failure> {
        let headers = headers(&call, token)?;
        let (status, headers, parts): (_, _, Parts) = match self {
            Self::Remote(client) => {
                let request = outgoing(&call, &url, headers, u64::MAX);
                let sent = client.send_streaming(WORKSPACE, request, STREAM_IDLE_MS).await;
                let answer = sent.map_err(|error| unreachable(&error, &url))?;
                let parts = stream::unfold(answer.body, |mut body| async move {
                    let part = body.next().await?;
                    Some((part.map_err(std::io::Error::other), body))
                });
                (answer.status, answer.headers, Box::pin(parts))
            }
        };
        if status.is_success() {
            return Ok(Ok(parts));
        }
        let body = parts.collect::<Vec<_>>().await;
        let body: Vec<u8> = body.into_iter().flatten().flatten().collect();
        Ok(Err(Answer { status, headers, body: body.into() }))
    }
}

fn headers(call: &Call, token: Option<&str>) -> Result<HeaderMap, Failure> {
    let mut headers = call.headers.clone();
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            let message = "the token has characters that no API key has";
            Failure::new(Exit::Auth, "token", message, "check --token, AOB_TOKEN or the profile")
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let agent = concat!("aob/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    Ok(headers)
}

fn outgoing(call: &Call, url: &Url, headers: HeaderMap, max_bytes: u64) -> Request {
    let mut request = Request::new(call.method.clone(), url.as_str());
    request.repeatable |= headers.contains_key("idempotency-key");
    Request { headers, body: call.body.clone(), timeout_ms: call.timeout_ms, max_bytes, ..request }
}

/// Why no answer came, and what to do about it.
fn unreachable(error: &EgressError, url: &Url) -> Failure {
    let server = url.origin().ascii_serialization();
    let mut message = format!("{server}: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(&format!(": {text}"));
        }
        source = cause.source();
    }
    let (code, todo) = match error {
        EgressError::Connect { stage: ConnectStage::Tcp | ConnectStage::Resolve, .. }
        | EgressError::CircuitOpen { .. } => {
            ("unreachable", "start a server with `aob dev`, or name another one with --server")
        }
        EgressError::Connect { stage: ConnectStage::Tls, .. } => {
            ("tls", "check the server's certificate, and http or https in --server")
        }
        EgressError::Timeout { .. } => {
            ("timeout", "try again; `aob api GET /healthz` shows whether it is alive")
        }
        EgressError::Refused(_) => ("refused", "name another server with --server"),
        EgressError::Connect { stage: ConnectStage::Send, .. }
        | EgressError::Lost { .. }
        | EgressError::TooLarge { .. }
        | EgressError::BadResponse { .. }
        | EgressError::Redirect { .. } => ("lost", "check --server, then try again"),
    };
    Failure::new(Exit::Timeout, code, message, todo)
}
