//! From an `http` node's configuration to a request.

use std::fmt;
use std::time::Duration;

use aob_api::jobs::FailureMessage;
use aob_ir::EffectClass;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::expect::Expect;
use super::{OutgoingRequest, RESPONSE_BYTES_DEFAULT, RESPONSE_BYTES_MAX, invalid};
use crate::execute::ReadyJob;

/// Redirects that a safe request follows.
const REDIRECTS: u8 = 3;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Requests of a batch at most; as the schema says.
const PARTS_MAX: usize = 16;

/// What a job asks for.
pub(crate) enum Requests {
    /// One request.
    One(Box<Request>),
    /// Several at once, by their ids.
    Batch(Vec<(String, Request)>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    batch: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    id: String,
    #[serde(flatten)]
    config: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    query: Option<Map<String, Value>>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    auth: Option<Auth>,
    #[serde(default)]
    expect: Value,
    #[serde(default)]
    max_bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    #[serde(rename = "type")]
    kind: AuthKind,
    secret: String,
    #[serde(default)]
    header: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum AuthKind {
    Bearer,
    Basic,
    Header,
}

/// A request with what is accepted as its success.
pub(crate) struct Request {
    pub(crate) outgoing: OutgoingRequest,
    pub(crate) expect: Expect,
    pub(crate) summary: Summary,
}

/// What failures call a request: method, origin and path, but no query.
pub(crate) struct Summary(String);

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Builds the requests of a job that has `timeout` left.
pub(crate) fn build(job: &ReadyJob<'_>, timeout: Duration) -> Result<Requests, FailureMessage> {
    let text = job.config.get();
    // A single request is decoded once; the word may also stand in a value of one.
    if text.contains("\"batch\"")
        && let Ok(batch) = serde_json::from_str::<Batch>(text)
    {
        return parts(job, batch, timeout).map(Requests::Batch);
    }
    let config = serde_json::from_str(text).map_err(unusable)?;
    let key = &job.message.idempotency_key;
    Ok(Requests::One(Box::new(request(job, config, key, timeout)?)))
}

/// The requests of a batch: they only read, and go to one origin.
fn parts(
    job: &ReadyJob<'_>,
    batch: Batch,
    timeout: Duration,
) -> Result<Vec<(String, Request)>, FailureMessage> {
    if batch.batch.is_empty() || batch.batch.len() > PARTS_MAX {
        return Err(invalid(format!("a batch holds 1 to {PARTS_MAX} requests")));
    }
    let mut requests: Vec<(String, Request)> = Vec::with_capacity(batch.batch.len());
    let mut origin = None;
    for part in batch.batch {
        let config: Config =
            serde_json::from_value(Value::Object(part.config)).map_err(unusable)?;
        let here = Url::parse(&config.url).map(|url| url.origin().ascii_serialization()).ok();
        if *origin.get_or_insert_with(|| here.clone()) != here {
            return Err(invalid(format!("request `{}` leaves the origin of its batch", part.id)));
        }
        let key = format!("{}.{}", job.message.idempotency_key, part.id);
        let request = request(job, config, &key, timeout)?;
        if !request.outgoing.method.is_safe() {
            let method = &request.outgoing.method;
            return Err(invalid(format!(
                "request `{}` is a {method}: a batch only reads",
                part.id
            )));
        }
        if requests.iter().any(|(known, _)| *known == part.id) {
            return Err(invalid(format!("two requests of the batch are called `{}`", part.id)));
        }
        requests.push((part.id, request));
    }
    Ok(requests)
}

fn unusable(error: serde_json::Error) -> FailureMessage {
    invalid(format!("the http configuration cannot be used: {error}"))
}

fn request(
    job: &ReadyJob<'_>,
    config: Config,
    key: &str,
    timeout: Duration,
) -> Result<Request, FailureMessage> {
    let method = config.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| invalid(format!("`{method}` is not an HTTP method")))?;
    let parsed = Url::parse(&config.url)
        .map_err(|error| invalid(format!("`url` is not an absolute URL: {error}")))?;
    let origin = parsed.origin().ascii_serialization();
    let summary = Summary(format!("{method} {origin}{}", parsed.path()));
    let url = with_query(config.url, &config.query.unwrap_or_default())?;
    let mut headers = read_headers(&config.headers.unwrap_or_default())?;
    if let Some(auth) = &config.auth {
        authorize(&mut headers, auth)?;
    }
    let body = match config.body {
        Some(body) => encode_body(&mut headers, &body)?,
        None => Bytes::new(),
    };
    if !headers.contains_key(IDEMPOTENCY_KEY) {
        headers.insert(IDEMPOTENCY_KEY, header_value("Idempotency-Key", key)?);
    }
    let expect = Expect::read(&config.expect).map_err(invalid)?;
    let response_bytes_max =
        config.max_bytes.unwrap_or(RESPONSE_BYTES_DEFAULT).min(RESPONSE_BYTES_MAX);
    // Another origin could read a secret in a header of its own kind, so what carries secrets is
    // not redirected; nor is what does something.
    let secretless = job.redactor.is_empty();
    let redirects = if secretless && method.is_safe() { REDIRECTS } else { 0 };
    let repeatable = match job.message.effect {
        EffectClass::None | EffectClass::Idempotent => true,
        EffectClass::Compensable | EffectClass::Irreversible => false,
    };
    let outgoing = OutgoingRequest {
        workspace: job.message.workspace,
        method,
        url,
        headers,
        body,
        timeout,
        response_bytes_max,
        redirects,
        repeatable,
    };
    Ok(Request { outgoing, expect, summary })
}

/// The URL with more pairs behind its query.
fn with_query(url: String, query: &Map<String, Value>) -> Result<String, FailureMessage> {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        match value {
            Value::Array(items) => {
                for item in items.iter().filter(|item| !item.is_null()) {
                    pairs.append_pair(name, &plain_text("query", name, item)?);
                }
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                pairs.append_pair(name, &plain_text("query", name, value)?);
            }
        }
    }
    let pairs = pairs.finish();
    if pairs.is_empty() {
        return Ok(url);
    }
    let whole = url.split_once('#').map_or(&*url, |(whole, _fragment)| whole);
    let separator = match whole.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, known)) if known.ends_with('&') => "",
        Some(_) => "&",
    };
    Ok(format!("{whole}{separator}{pairs}"))
}

fn read_headers(given: &Map<String, Value>) -> Result<HeaderMap, FailureMessage> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        if value.is_null() {
            continue;
        }
        let key = header_name(name)?;
        headers.insert(key, header_value(name, &plain_text("headers", name, value)?)?);
    }
    Ok(headers)
}

fn header_name(name: &str) -> Result<HeaderName, FailureMessage> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| invalid(format!("`{name}` is not a header name")))
}

/// The value is not shown in the failure: it may be a secret.
fn header_value(name: &str, value: &str) -> Result<HeaderValue, FailureMessage> {
    HeaderValue::from_str(value).map_err(|_| {
        invalid(format!("the value of header `{name}` holds line breaks or control characters"))
    })
}

fn plain_text(part: &str, name: &str, value: &Value) -> Result<String, FailureMessage> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(invalid(format!("`{part}.{name}` must be a string, a number or a boolean")))
        }
    }
}

fn authorize(headers: &mut HeaderMap, auth: &Auth) -> Result<(), FailureMessage> {
    let secret = auth.secret.trim();
    let (name, text) = match auth.kind {
        AuthKind::Bearer => (AUTHORIZATION, format!("Bearer {secret}")),
        AuthKind::Basic => (AUTHORIZATION, format!("Basic {}", STANDARD.encode(secret))),
        AuthKind::Header => {
            let name = auth.header.as_deref().ok_or_else(|| {
                invalid(
                    "`auth.type` is `header`: say in `auth.header` which one carries the secret",
                )
            })?;
            (header_name(name)?, secret.to_owned())
        }
    };
    let mut value = header_value(name.as_str(), &text)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// A string is sent as it is, an object as a form where the node's `Content-Type` says so, and
/// everything else as JSON.
fn encode_body(headers: &mut HeaderMap, body: &Value) -> Result<Bytes, FailureMessage> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = given.is_some_and(|given| {
        given.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
    });
    let (bytes, content_type) = match body {
        Value::String(text) => (text.clone(), "text/plain; charset=utf-8"),
        Value::Object(fields) if form => {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            for (name, value) in fields {
                pairs.append_pair(name, &plain_text("body", name, value)?);
            }
            (pairs.finish(), "")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            (body.to_string(), "application/json")
        }
    };
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    Ok(Bytes::from(bytes))
}
