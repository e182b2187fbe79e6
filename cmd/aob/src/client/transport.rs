//! How calls travel.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use aob_egress::{Allow, Client, ClientConfig, ConnectStage, EgressError, Policy, Request};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use tower::ServiceExt;
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

/// Over HTTP, or straight into a router.
#[derive(Clone)]
pub(crate) enum Transport {
    /// A server anywhere.
    Remote(Client),
    /// The server in this process.
    Local(axum::Router),
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remote(_) => "Remote",
            Self::Local(_) => "Local",
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
            Self::Local(router) => {
                let limit = Duration::from_millis(call.timeout_ms);
                let answering = local(router, call, &url, headers);
                let answer = tokio::time::timeout(limit, answering).await;
                let (parts, body) = answer.map_err(|_| too_slow(&url))?.into_parts();
                let body = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
                Ok(Answer { status: parts.status, headers: parts.headers, body })
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
            Self::Local(router) => {
                let (parts, body) = local(router, call, &url, headers).await.into_parts();
                let body = body.into_data_stream().map(|part| part.map_err(std::io::Error::other));
                (parts.status, parts.headers, Box::pin(body))
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

async fn local(
    router: &axum::Router,
    call: Call,
    url: &Url,
    headers: HeaderMap,
) -> axum::response::Response {
    let mut request = http::Request::new(axum::body::Body::from(call.body));
    *request.method_mut() = call.method;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    // A URL's path and query are a valid request target.
    *request.uri_mut() = path.parse().unwrap_or_default();
    *request.headers_mut() = headers;
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn broken(error: &axum::Error) -> Failure {
    let message = format!("the answer broke off: {error}");
    Failure::new(Exit::Failed, "broken_answer", message, "try again")
}

fn too_slow(url: &Url) -> Failure {
    let message = format!("{} did not answer in time", url.path());
    Failure::new(Exit::Timeout, "timeout", message, "try again")
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
