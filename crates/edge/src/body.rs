//! Reading bodies: bounded, strict, and explained where they are not what a route expects.

use std::time::Duration;

use aob_api::{ErrorCode, Problem, ProblemItem};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::explain_body::explain;
use crate::gate::BODY_BYTES_MAX;
use crate::yaml::yaml_to_json;
use crate::{Refusal, check_json};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes that the body of this request may have; the gate says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// SHA-256 of a body as it was sent: two requests with the same key must have the same.
pub type BodyHash = [u8; 32];

/// A body as JSON text.
#[derive(Debug, Clone)]
pub struct BodyText {
    /// JSON; of YAML, what it stands for; empty where there was no body. Not checked.
    pub text: String,
    /// Hash of the bytes that were sent.
    pub hash: BodyHash,
}

impl BodyText {
    /// Reads a body of JSON or YAML, by its `Content-Type`.
    ///
    /// # Errors
    /// If it is too large, too slow, of another type, not UTF-8, or not YAML where it says so.
    pub async fn read(request: Request) -> Result<Self, Refusal> {
        let media = media_type(request.headers());
        let bytes = read_bytes(request).await?;
        let hash = Sha256::digest(&bytes).into();
        if bytes.is_empty() {
            return Ok(Self { text: String::new(), hash });
        }
        let media = media?;
        let text = String::from_utf8(bytes.into()).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let detail = format!("the body is not UTF-8 (byte {at})");
            Refusal::from(Problem::new(ErrorCode::InvalidBody, detail))
        })?;
        let text = match media {
            MediaType::Json => text,
            MediaType::Yaml => yaml_to_json(&text).map_err(|item| invalid_body(vec![*item]))?,
        };
        Ok(Self { text, hash })
    }

    /// The same, checked to be strict JSON.
    ///
    /// # Errors
    /// Those of [`BodyText::read`], and everything that [`check_json`] refuses.
    pub async fn read_checked(request: Request) -> Result<Self, Refusal> {
        let body = Self::read(request).await?;
        check_json(&body.text).map_err(invalid_body)?;
        Ok(body)
    }
}

/// Reads a body of any kind.
///
/// # Errors
/// If it is too large or too slow.
pub async fn read_bytes(request: Request) -> Result<Bytes, Refusal> {
    let limit = request.extensions().get::<BodyLimit>().map_or(BODY_BYTES_MAX, |limit| limit.0);
    let encoding = request.headers().get(CONTENT_ENCODING);
    if let Some(encoding) = encoding.filter(|value| *value != "identity") {
        let detail = format!("the body is encoded as {encoding:?}; only plain bodies are read");
        return Err(Problem::new(ErrorCode::UnsupportedMediaType, detail).into());
    }
    let collected = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(_)) => {
            let detail = "the connection broke before the whole body had arrived";
            Err(Problem::new(ErrorCode::InvalidBody, detail).into())
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
            Err(Problem::new(ErrorCode::RequestTimeout, detail).into())
        }
    }
}

/// Refuses a body that says itself that it is too large.
pub(crate) fn refuse_announced_length(headers: &HeaderMap, limit: usize) -> Result<(), Refusal> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limit as u64 => Err(too_large(limit)),
        Some(_) | None => Ok(()),
    }
}

fn too_large(limit: usize) -> Refusal {
    let detail = format!("the body has more than the {limit} bytes that this route takes");
    Problem::new(ErrorCode::BodyTooLarge, detail)
        .with_hint("store long values with `PUT /v1/artifacts/{digest}` and name them by digest")
        .into()
}

/// A body that is not strict JSON.
fn invalid_body(errors: Vec<ProblemItem>) -> Refusal {
    let detail = errors.first().map(|item| item.message.clone()).unwrap_or_default();
    Problem::new(ErrorCode::InvalidBody, detail).with_errors(errors).into()
}

enum MediaType {
    Json,
    Yaml,
}

fn media_type(headers: &HeaderMap) -> Result<MediaType, Refusal> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" | "text/json" => Ok(MediaType::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => {
            Ok(MediaType::Yaml)
        }
        other if other.starts_with("application/") && other.ends_with("+json") => {
            Ok(MediaType::Json)
        }
        other => {
            let detail = match other {
                "" => "the body has no `Content-Type`".to_owned(),
                other => format!("bodies of type `{other}` are not read here"),
            };
            Err(Problem::new(ErrorCode::UnsupportedMediaType, detail)
                .with_hint("send `Content-Type: application/json` (or `application/yaml`)")
                .into())
        }
    }
}

/// A body that must be there, read into `T`.
#[derive(Debug, Clone)]
pub struct JsonBody<T> {
    /// What it says.
    pub value: T,
    /// Hash of the bytes that were sent.
    pub hash: BodyHash,
}

impl<T: DeserializeOwned + ToSchema, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let BodyText { text, hash } = BodyText::read_checked(request).await?;
        Ok(Self { value: parse(&text)?, hash })
    }
}

/// A body that may be left out.
#[derive(Debug, Clone)]
pub struct OptionalJsonBody<T> {
    /// What it says.
    pub value: T,
    /// Hash of the bytes that were sent.
    pub hash: BodyHash,
}

impl<T: DeserializeOwned + Default + ToSchema, S: Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let BodyText { text, hash } = BodyText::read(request).await?;
        if text.is_empty() {
            return Ok(Self { value: T::default(), hash });
        }
        check_json(&text).map_err(invalid_body)?;
        Ok(Self { value: parse(&text)?, hash })
    }
}

/// Strict JSON, read into `T`.
fn parse<T: DeserializeOwned + ToSchema>(text: &str) -> Result<T, Refusal> {
    // A list would be read as the fields of a struct in their order, which nobody means.
    let read = if text.trim_start().starts_with('{') {
        serde_json::from_str(text)
    } else {
        Err(serde::de::Error::custom("an object is expected"))
    };
    read.map_err(|error: serde_json::Error| {
        let errors = explain::<T>(text, &error);
        let first = errors.first().map(|item| item.message.clone()).unwrap_or_default();
        let detail = match errors.len() {
            0 | 1 => first,
            more => format!("{first} (and {} more)", more - 1),
        };
        Problem::new(ErrorCode::InvalidRequest, detail).with_errors(errors).into()
    })
}
