//! The runner protocol as a runner sees it: a port, and its adapter over HTTPS.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{
    HeartbeatRequest, HeartbeatResponse, LeaseRequest, LeaseResponse, LeaseStanding, ResultRequest,
    ResultResponse,
};
use aob_engine::WorkspaceId;
use aob_ir::Digest;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::attempt::cut;
use crate::http::{HttpPort, OutgoingRequest, OutgoingResponse};
use crate::leases::{Beat, Heartbeats, LeasesUnavailable};
use crate::payloads::{PayloadError, Payloads};
use crate::secrets::Secret;

/// How long a request may take, its `wait_ms` not counted.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to move a long value.
const VALUE_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why the server did not do what a runner asked.
#[derive(Debug, Error)]
pub enum ApiError {
    /// It cannot be reached, or says that it is too busy. Trying again may help.
    #[error("the server is unavailable: {problem}")]
    Unavailable {
        /// What is wrong.
        problem: String,
        /// The server asks to wait this long.
        retry_after_ms: Option<u64>,
    },
    /// The token is not, or no longer, one of a runner.
    #[error("the server refuses this runner's token: {0}")]
    Unauthorized(String),
    /// The request makes no sense to it: trying again is useless.
    #[error("the server refused the request ({status}): {problem}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What is wrong.
        problem: String,
    },
}

/// What a runner asks of a server.
#[async_trait]
pub trait RunnerApi: fmt::Debug + Send + Sync {
    /// Asks for jobs and waits for them.
    ///
    /// # Errors
    /// See [`ApiError`].
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseResponse, ApiError>;

    /// Renews leases.
    ///
    /// # Errors
    /// See [`ApiError`].
    async fn renew(&self, request: HeartbeatRequest) -> Result<HeartbeatResponse, ApiError>;

    /// Hands a result in; it is durable when this returns.
    ///
    /// # Errors
    /// See [`ApiError`].
    async fn result(&self, request: ResultRequest) -> Result<ResultResponse, ApiError>;

    /// Reads a long value.
    ///
    /// # Errors
    /// See [`ApiError`].
    async fn value(&self, digest: Digest) -> Result<Bytes, ApiError>;

    /// Stores a long value.
    ///
    /// # Errors
    /// See [`ApiError`].
    async fn store_value(&self, digest: Digest, bytes: Bytes) -> Result<(), ApiError>;
}

/// A server's leases, as the keeper renews them.
#[derive(Debug, Clone)]
pub struct ApiLeases(pub Arc<dyn RunnerApi>);

#[async_trait]
impl Heartbeats for ApiLeases {
    async fn heartbeat(&self, beats: Vec<Beat>) -> Result<Vec<LeaseStanding>, LeasesUnavailable> {
        let Some(first) = beats.first() else { return Ok(Vec::new()) };
        // A poller leases everything in its one name.
        let runner = Arc::clone(&first.holder);
        let leases = beats.into_iter().map(|beat| beat.item).collect();
        let request = HeartbeatRequest { runner, leases };
        let answer = self.0.renew(request).await;
        answer.map(|answer| answer.states).map_err(|error| LeasesUnavailable(error.to_string()))
    }
}

/// A server's long values. Its token says whose they are.
#[derive(Debug, Clone)]
pub struct ApiPayloads(pub Arc<dyn RunnerApi>);

#[async_trait]
impl Payloads for ApiPayloads {
    async fn get(&self, _: WorkspaceId, digest: Digest) -> Result<Bytes, PayloadError> {
        let bytes = self.0.value(digest).await.map_err(|error| payload_error(digest, &error))?;
        if Digest::of(&bytes) == digest {
            return Ok(bytes);
        }
        let problem = "its bytes have another digest".to_owned();
        Err(PayloadError::Broken { digest, problem })
    }

    async fn put(&self, _: WorkspaceId, bytes: Bytes) -> Result<Digest, PayloadError> {
        let digest = Digest::of(&bytes);
        let stored = self.0.store_value(digest, bytes).await;
        stored.map_err(|error| payload_error(digest, &error))?;
        Ok(digest)
    }
}

fn payload_error(digest: Digest, error: &ApiError) -> PayloadError {
    let problem = error.to_string();
    match error {
        ApiError::Unavailable { .. } | ApiError::Unauthorized(_) => {
            PayloadError::Unavailable(problem)
        }
        ApiError::Refused { .. } => PayloadError::Broken { digest, problem },
    }
}

/// The runner protocol over HTTPS, through an egress client that may talk to this server only.
#[derive(Debug)]
pub struct HttpsApi {
    base: Url,
    token: Option<Secret>,
    port: Arc<dyn HttpPort>,
}

impl HttpsApi {
    /// The server at `base`, with the runner's token.
    pub fn new(base: Url, token: Option<Secret>, port: Arc<dyn HttpPort>) -> Self {
        Self { base, token, port }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(body).map_err(|error| ApiError::Refused {
            status: 0,
            problem: format!("the request cannot be written: {error}"),
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.send(Method::POST, path, headers, body.into(), timeout).await?;
        serde_json::from_slice(&answer.body).map_err(|error| ApiError::Unavailable {
            problem: format!("its answer to {path} cannot be read: {error}"),
            retry_after_ms: None,
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<OutgoingResponse, ApiError> {
        let url = format!("{}/{path}", self.base.as_str().trim_end_matches('/'));
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|_| {
                ApiError::Unauthorized("it holds characters that no token has".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let request = OutgoingRequest {
            workspace: WorkspaceId(uuid::Uuid::nil()),
            method,
            url,
            headers,
            body,
            timeout,
            response_bytes_max: ANSWER_BYTES_MAX,
            redirects: 0,
            repeatable: true,
        };
        let answer = self.port.send(request).await;
        check(answer.map_err(|error| ApiError::Unavailable {
            problem: error.to_string(),
            retry_after_ms: None,
        })?)
    }
}

#[async_trait]
impl RunnerApi for HttpsApi {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseResponse, ApiError> {
        let timeout = REQUEST_TIMEOUT + Duration::from_millis(request.wait_ms);
        self.post("v1/runners/lease", &request, timeout).await
    }

    async fn renew(&self, request: HeartbeatRequest) -> Result<HeartbeatResponse, ApiError> {
        self.post("v1/runners/heartbeat", &request, REQUEST_TIMEOUT).await
    }

    async fn result(&self, request: ResultRequest) -> Result<ResultResponse, ApiError> {
        self.post("v1/runners/result", &request, REQUEST_TIMEOUT).await
    }

    async fn value(&self, digest: Digest) -> Result<Bytes, ApiError> {
        let path = format!("v1/artifacts/{digest}");
        let answer = self.send(Method::GET, &path, HeaderMap::new(), Bytes::new(), VALUE_TIMEOUT);
        Ok(answer.await?.body)
    }

    async fn store_value(&self, digest: Digest, bytes: Bytes) -> Result<(), ApiError> {
        let path = format!("v1/artifacts/{digest}");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.send(Method::PUT, &path, headers, bytes, VALUE_TIMEOUT).await?;
        Ok(())
    }
}

/// The answer, if it is a success.
fn check(answer: OutgoingResponse) -> Result<OutgoingResponse, ApiError> {
    let status = answer.status;
    if status.is_success() {
        return Ok(answer);
    }
    let problem = problem_of(&answer);
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return Err(ApiError::Unauthorized(problem));
    }
    if status.is_client_error()
        && status != StatusCode::TOO_MANY_REQUESTS
        && status != StatusCode::REQUEST_TIMEOUT
    {
        return Err(ApiError::Refused { status: status.as_u16(), problem });
    }
    let seconds = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds: Option<u64> = seconds.and_then(|seconds| seconds.trim().parse().ok());
    let retry_after_ms = seconds.map(|seconds| seconds.saturating_mul(1_000));
    Err(ApiError::Unavailable { problem, retry_after_ms })
}

/// What problem+json says, or the beginning of whatever came.
fn problem_of(answer: &OutgoingResponse) -> String {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        title: Option<String>,
        #[serde(default)]
        detail: Option<String>,
    }
    let problem = serde_json::from_slice::<Problem>(&answer.body).ok();
    let said = problem.and_then(|problem| problem.detail.or(problem.title));
    said.unwrap_or_else(|| {
        let text = String::from_utf8_lossy(&answer.body);
        format!("{} {}", answer.status, cut(text.trim(), 200))
    })
}

#[cfg(test)]
mod tests;
