//! What is sent, and what each answer means, against a scripted port.

use std::sync::Arc;

use aob_api::jobs::OutcomeMessage;
use aob_ir::{EffectClass, SecretPart, SecretSlot};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{OutgoingRequest, OutgoingResponse, SendError};
use crate::attempt::StopCause;
use crate::builtins::Builtins;
use crate::http::HttpExecutor;
use crate::secrets::{MapSecrets, Secret};
use crate::testing::{FakePort, StillClock, granted, http, outcome_json, worker};

use EffectClass::{Compensable, Idempotent, Irreversible, None as Pure};

fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> OutgoingResponse {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let status = StatusCode::from_u16(status).unwrap();
    OutgoingResponse { status, headers: map, body: Bytes::from(body.to_owned()) }
}

fn secrets() -> MapSecrets {
    let bound = Secret::new("bound-value").only_for(["api.example.org".to_owned()]);
    MapSecrets::default()
        .with(None, "token", Secret::new("canary-71d2"))
        .with(None, "login", Secret::new("ann:canary-pw"))
        .with(None, "bound", bound)
}

/// Executes a job whose request is answered so; returns the outcome and the request, if one left.
async fn run(
    effect: EffectClass,
    config: Value,
    answer: Result<OutgoingResponse, SendError>,
) -> (OutcomeMessage, Option<OutgoingRequest>) {
    let port = FakePort::answering([answer]);
    let executor = Builtins::new(HttpExecutor::new(port.clone(), Arc::new(StillClock)));
    let mut job = http(effect, config);
    if job.config.text().unwrap().contains("\"$slot\"") {
        job.secrets = vec![SecretSlot {
            pointer: "/headers/x-key".into(),
            parts: vec![SecretPart::Text("k ".into()), SecretPart::Secret("token".into())],
        }];
    }
    let worker = worker(Arc::new(executor), secrets());
    let result = worker.work(&job, &granted(&job)).await.unwrap();
    let sent = port.sent.lock().pop();
    (result.outcome, sent)
}

async fn failure(
    effect: EffectClass,
    answer: Result<OutgoingResponse, SendError>,
) -> (String, bool, bool, Option<u64>) {
    let config = json!({"url": "https://api.example.org/x", "method": "POST"});
    let (outcome, _) = run(effect, config, answer).await;
    let OutcomeMessage::Failed { failure: f } = outcome else { panic!("{outcome:?}") };
    (f.code.to_string(), f.retryable, f.lost, f.retry_after_ms)
}

/// What an answer means where repeating is harmless, and where it is not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    Retry,
    Final,
    RetryOrLost,
}

#[tokio::test]
async fn statuses_are_classified_as_designed() {
    let mut table = vec![(429, Means::Retry)];
    table.extend((500..=599).map(|status| (status, Means::RetryOrLost)));
    table.extend((300..=399).map(|status| (status, Means::Final)));
    table.extend((400..=499).filter(|s| *s != 429).map(|status| (status, Means::Final)));
    for (status, means) in table {
        for effect in [Pure, Idempotent, Compensable, Irreversible] {
            let harmless = matches!(effect, Pure | Idempotent);
            let expected = match means {
                Means::Retry => (true, false),
                Means::Final => (false, false),
                Means::RetryOrLost => (harmless, !harmless),
            };
            let (code, retryable, lost, _) = failure(effect, Ok(response(status, &[], ""))).await;
            assert_eq!((&*code, retryable, lost), ("http_status", expected.0, expected.1));
        }
    }
}

#[tokio::test]
async fn errors_are_classified_as_designed() {
    let text = || "because".to_owned();
    type Make<'a> = &'a dyn Fn() -> SendError;
    let table: [(Make<'_>, &str, Means); 8] = [
        (&|| SendError::Refused(text()), "egress_refused", Means::Final),
        (
            &|| SendError::Busy { problem: text(), retry_after_ms: None },
            "egress_busy",
            Means::Retry,
        ),
        (&|| SendError::NotConnected(text()), "connect_failed", Means::Retry),
        (&|| SendError::Broken(text()), "connection_lost", Means::RetryOrLost),
        (&|| SendError::Garbled(text()), "bad_response", Means::RetryOrLost),
        (&|| SendError::TimedOut { sent: false }, "timeout", Means::Retry),
        (&|| SendError::TimedOut { sent: true }, "timeout", Means::RetryOrLost),
        (&|| SendError::TooLong { limit: 9 }, "response_too_large", Means::Final),
    ];
    for (error, code, means) in table {
        for effect in [Pure, Idempotent, Compensable, Irreversible] {
            let harmless = matches!(effect, Pure | Idempotent);
            let expected = match means {
                Means::Retry => (true, false),
                Means::Final => (false, false),
                Means::RetryOrLost => (harmless, !harmless),
            };
            let got = failure(effect, Err(error())).await;
            assert_eq!(got, (code.to_owned(), expected.0, expected.1, None), "{effect:?}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_obeyed_where_a_retry_follows() {
    for (status, effect, header, expected) in [
        (429, Irreversible, "7", Some(7_000)),
        (503, Pure, "Sun, 06 Nov 1994 08:49:37 GMT", Some(7_000)),
        (503, Irreversible, "7", None),
        (404, Pure, "7", None),
        (503, Pure, "whenever", None),
    ] {
        let answer = response(status, &[("retry-after", header)], "");
        assert_eq!(failure(effect, Ok(answer)).await.3, expected, "{status} {effect:?}");
    }
}

#[tokio::test]
async fn a_failure_shows_status_target_and_the_beginning_of_the_body() {
    let long = "x".repeat(3_000);
    for (body, shown) in
        [(r#"{"error":"no"}"#, json!({"error": "no"})), (&*long, json!("x".repeat(2_048)))]
    {
        let answer = response(422, &[("content-type", "application/json")], body);
        let config = json!({"url": "https://api.example.org/pay?card=4111", "method": "post"});
        let (outcome, _) = run(Pure, config, Ok(answer)).await;
        assert_eq!(
            outcome_json(&outcome),
            json!({"failed": {"failure": {
                "code": "http_status",
                "message": "POST https://api.example.org/pay answered 422 Unprocessable Entity",
                "retryable": false,
                "details": {"status": 422, "body": shown},
            }}})
        );
    }
}

const BASE: &str = "https://api.example.org";

/// What is sent for a configuration: `METHOD path`, a header (`-` where absent), the body.
async fn check_sent(config: Value, line: &str, header: (&str, &str), body: &str) {
    let (outcome, sent) = run(Pure, config.clone(), Ok(response(200, &[], ""))).await;
    assert!(matches!(outcome, OutcomeMessage::Completed { .. }), "{config}: {outcome:?}");
    let sent = sent.unwrap();
    let path = sent.url.strip_prefix(BASE).unwrap();
    assert_eq!(format!("{} {path}", sent.method), line, "{config}");
    let value = sent.headers.get(header.0).map_or("-", |value| value.to_str().unwrap());
    assert_eq!(value, header.1, "{config}");
    assert_eq!(sent.body, body, "{config}");
}

#[tokio::test]
async fn method_query_and_headers_come_from_the_configuration() {
    for (config, line, header) in [
        (json!({"url": BASE}), "GET ", ("idempotency-key", "key-1")),
        (json!({"url": BASE, "method": "delete"}), "DELETE ", ("idempotency-key", "key-1")),
        (
            json!({"url": format!("{BASE}/s?a=1"), "query": {"q": "x y", "n": [1, true, null], "z": null}}),
            "GET /s?a=1&n=1&n=true&q=x+y",
            ("content-type", "-"),
        ),
        (json!({"url": format!("{BASE}/#f"), "query": {"a": 1}}), "GET /?a=1", ("x", "-")),
        (json!({"url": format!("{BASE}/?"), "query": {"a": 1}}), "GET /?a=1", ("x", "-")),
        (json!({"url": format!("{BASE}/?b&"), "query": {"a": 1}}), "GET /?b&a=1", ("x", "-")),
        (
            json!({"url": BASE, "headers": {"IDEMPOTENCY-KEY": "mine"}}),
            "GET ",
            ("idempotency-key", "mine"),
        ),
        (json!({"url": BASE, "headers": {"x-n": 5}}), "GET ", ("x-n", "5")),
        (json!({"url": BASE, "headers": {"x-none": null}}), "GET ", ("x-none", "-")),
    ] {
        check_sent(config, line, header, "").await;
    }
}

#[tokio::test]
async fn strings_are_sent_as_they_are_and_the_rest_as_json_or_form() {
    let post = |content_type: Value, body: Value| {
        let headers = json!({"Content-Type": content_type});
        json!({"url": BASE, "method": "POST", "headers": headers, "body": body})
    };
    let form = "application/x-www-form-urlencoded";
    let absent = Value::Null;
    for (config, content_type, body) in [
        (post(absent.clone(), json!({"b": [1, "é"]})), "application/json", r#"{"b":[1,"é"]}"#),
        (post(absent.clone(), json!("text")), "text/plain; charset=utf-8", "text"),
        (post(json!("application/json"), json!("{\"a\":1}")), "application/json", "{\"a\":1}"),
        (post(absent, json!(null)), "-", ""),
        (post(json!("text/xml"), json!("<a/>")), "text/xml", "<a/>"),
        (post(json!("text/plain"), json!([1, 2])), "text/plain", "[1,2]"),
        (post(json!("a/b+json"), json!(["x"])), "a/b+json", "[\"x\"]"),
        (post(json!(form), json!({"a": "1 2", "b": 3})), form, "a=1+2&b=3"),
        (post(json!(form), json!("a=1")), form, "a=1"),
    ] {
        check_sent(config, "POST ", ("content-type", content_type), body).await;
    }
}

#[tokio::test]
async fn secrets_are_put_in_just_before() {
    let auth = |auth: Value| json!({"url": BASE, "auth": auth});
    for (config, header) in [
        (
            auth(json!({"type": "bearer", "secret": "token"})),
            ("authorization", "Bearer canary-71d2"),
        ),
        (
            auth(json!({"type": "basic", "secret": "login"})),
            ("authorization", "Basic YW5uOmNhbmFyeS1wdw=="),
        ),
        (
            auth(json!({"type": "header", "header": "X-Api-Key", "secret": "bound"})),
            ("x-api-key", "bound-value"),
        ),
        (
            json!({"url": BASE, "headers": {"x-key": null, "x-mark": "$slot"}}),
            ("x-key", "k canary-71d2"),
        ),
    ] {
        check_sent(config, "GET ", header, "").await;
    }
}

#[tokio::test]
async fn only_what_is_safe_and_holds_no_secret_follows_redirects() {
    for (effect, method, auth, redirects, repeatable) in [
        (Pure, "GET", false, 3, true),
        (Pure, "GET", true, 0, true),
        (Idempotent, "PUT", false, 0, true),
        (Irreversible, "POST", false, 0, false),
        (Compensable, "GET", false, 3, false),
    ] {
        let mut config = json!({"url": BASE, "method": method});
        if auth {
            config["auth"] = json!({"type": "bearer", "secret": "token"});
        }
        let (_, sent) = run(effect, config, Ok(response(200, &[], ""))).await;
        let sent = sent.unwrap();
        assert_eq!(
            (sent.redirects, sent.repeatable),
            (redirects, repeatable),
            "{method} {effect:?}"
        );
    }
}

#[tokio::test]
async fn unusable_configurations_send_nothing_and_are_final() {
    let url = "https://api.example.org/";
    for (config, code) in [
        (json!({}), "invalid_config"),
        (json!({"url": "/relative"}), "invalid_config"),
        (json!({"url": url, "method": "GE T"}), "invalid_config"),
        (json!({"url": url, "headers": {"bad name": "x"}}), "invalid_config"),
        (json!({"url": url, "headers": {"x": "a\r\nb: c"}}), "invalid_config"),
        (json!({"url": url, "headers": {"x": {"y": 1}}}), "invalid_config"),
        (json!({"url": url, "query": {"x": {"y": 1}}}), "invalid_config"),
        (json!({"url": url, "expect": "many"}), "invalid_config"),
        (json!({"url": url, "surprise": 1}), "invalid_config"),
        (json!({"url": url, "auth": {"type": "header", "secret": "token"}}), "invalid_config"),
        (json!({"url": url, "auth": {"type": "bearer", "secret": "absent"}}), "secret_missing"),
        (
            json!({"url": "https://evil.example.net/", "auth": {"type": "bearer", "secret": "bound"}}),
            "secret_refused",
        ),
    ] {
        let (outcome, sent) = run(Pure, config.clone(), Ok(response(200, &[], ""))).await;
        let OutcomeMessage::Failed { failure } = outcome else { panic!("{config}: {outcome:?}") };
        assert_eq!((&*failure.code, failure.retryable), (code, false), "{config}: {failure:?}");
        assert!(sent.is_none(), "{config}");
    }
}

#[tokio::test]
async fn expected_statuses_complete_with_status_headers_and_body() {
    let answer = response(404, &[("content-type", "application/json")], r#"{"found":false}"#);
    let config = json!({"url": "https://api.example.org/", "expect": ["2xx", 404]});
    let (outcome, _) = run(Pure, config, Ok(answer)).await;
    assert_eq!(
        outcome_json(&outcome),
        json!({"completed": {"output": {"value": {
            "status": 404,
            "headers": {"content-type": "application/json"},
            "body": {"found": false},
        }}}})
    );
}

/// The server answers with everything that it was sent; none of the canaries may come out.
#[tokio::test]
async fn secrets_leave_the_runner_in_requests_only() {
    let config = json!({
        "url": "https://api.example.org/canary-71d2",
        "headers": {"x-key": null, "x-mark": "$slot"},
        "auth": {"type": "basic", "secret": "login"},
    });
    let echo = r#"{"saw": "k canary-71d2", "canary-71d2": ["Basic YW5uOmNhbmFyeS1wdw==", "ann:canary-pw"]}"#;
    for (status, json_type) in [(200, true), (400, true), (500, false)] {
        let content_type = if json_type { "application/json" } else { "text/plain" };
        let headers = [("content-type", content_type), ("x-echo", "canary-71d2")];
        let (outcome, sent) = run(Pure, config.clone(), Ok(response(status, &headers, echo))).await;
        let text = outcome_json(&outcome).to_string();
        for canary in ["canary", "YW5uOmNhbmFyeS1wdw"] {
            assert!(!text.contains(canary), "{status}: {text}");
        }
        assert!(text.contains("[secret:token]") && text.contains("[secret:login]"), "{text}");
        let sent = sent.unwrap();
        assert_eq!(sent.headers["x-key"], "k canary-71d2");
        assert!(!format!("{sent:?}").contains("canary"), "{sent:?}");
    }
    let error = SendError::Broken("reset while sending canary-71d2".to_owned());
    let (outcome, _) = run(Pure, config, Err(error)).await;
    assert!(!outcome_json(&outcome).to_string().contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_is_dropped_only_where_repeating_is_harmless() {
    for (effect, expected) in [
        (Pure, json!({"cancelled": {}})),
        (
            Irreversible,
            json!({"completed": {"output": {"value":
            {"status": 200, "headers": {}, "body": "done"}}}}),
        ),
    ] {
        let (release, gate) = tokio::sync::oneshot::channel();
        let port = Arc::new(GatedPort { gate: parking_lot::Mutex::new(Some(gate)) });
        let executor = Builtins::new(HttpExecutor::new(port, Arc::new(StillClock)));
        let worker = worker(Arc::new(executor), secrets());
        let job = http(effect, json!({"url": "https://api.example.org/"}));
        let attempt = granted(&job);
        let work = async { worker.work(&job, &attempt).await.unwrap().outcome };
        let rest = async {
            tokio::task::yield_now().await;
            attempt.stop(StopCause::Cancelling);
            tokio::task::yield_now().await;
            // Nobody may be waiting any more.
            let _ = release.send(response(200, &[], "done"));
        };
        let (outcome, ()) = tokio::join!(work, rest);
        assert_eq!(outcome_json(&outcome), expected, "{effect:?}");
    }
}

/// Answers when its gate opens.
#[derive(Debug)]
struct GatedPort {
    gate: parking_lot::Mutex<Option<tokio::sync::oneshot::Receiver<OutgoingResponse>>>,
}

#[async_trait::async_trait]
impl super::HttpPort for GatedPort {
    async fn send(&self, _: OutgoingRequest) -> Result<OutgoingResponse, SendError> {
        let gate = self.gate.lock().take().unwrap();
        gate.await.map_err(|_| SendError::Broken("gone".to_owned()))
    }
}

fn batch(parts: &[(&str, &str)]) -> Value {
    let parts = parts.iter().map(|(id, url)| json!({"id": id, "url": url}));
    json!({"batch": parts.collect::<Vec<_>>()})
}

/// Executes a batch whose requests are answered so, in the order in which they are written.
async fn run_batch(
    config: Value,
    answers: Vec<Result<OutgoingResponse, SendError>>,
) -> (OutcomeMessage, Vec<OutgoingRequest>) {
    let port = FakePort::answering(answers);
    let executor = Builtins::new(HttpExecutor::new(port.clone(), Arc::new(StillClock)));
    let job = http(Pure, config);
    let worker = worker(Arc::new(executor), secrets());
    let result = worker.work(&job, &granted(&job)).await.unwrap();
    let sent = std::mem::take(&mut *port.sent.lock());
    (result.outcome, sent)
}

#[tokio::test]
async fn a_batch_gives_what_its_requests_alone_would_give() {
    let json_type = [("content-type", "application/json")];
    let config = json!({"batch": [
        {"id": "customer", "url": "https://api.example.org/c/7", "auth": {"type": "bearer", "secret": "bound"}},
        {"id": "orders", "url": "https://api.example.org/o", "method": "HEAD", "query": {"c": 7}, "expect": 404},
    ]});
    let answers =
        vec![Ok(response(200, &json_type, r#"{"name": "Ann"}"#)), Ok(response(404, &[], "none"))];
    let (outcome, sent) = run_batch(config, answers).await;
    let expected = json!({
        "customer": {"status": 200, "headers": {"content-type": "application/json"}, "body": {"name": "Ann"}},
        "orders": {"status": 404, "headers": {}, "body": "none"},
    });
    let output = &outcome_json(&outcome)["completed"]["output"]["value"];
    assert_eq!(*output, expected, "{outcome:?}");
    let urls: Vec<&str> = sent.iter().map(|request| &*request.url).collect();
    assert_eq!(urls, ["https://api.example.org/c/7", "https://api.example.org/o?c=7"]);
    assert_eq!(sent[0].headers["authorization"], "Bearer bound-value");
    assert!(!sent[1].headers.contains_key("authorization"));
    assert_eq!(sent[0].headers["idempotency-key"], "key-1.customer");
    assert_eq!(sent[1].headers["idempotency-key"], "key-1.orders");
}

#[tokio::test]
async fn a_batch_fails_as_the_worst_of_its_requests() {
    let ok = || Ok(response(200, &[], ""));
    let status = |status: u16| Ok(response(status, &[], ""));
    let wait = |seconds: &str| Ok(response(429, &[("retry-after", seconds)], ""));
    for (answers, message, retryable, retry_after_ms) in [
        (vec![ok(), status(503)], "b: GET https://api.example.org/b answered 503", true, None),
        (
            vec![status(503), status(404)],
            "b: GET https://api.example.org/b answered 404",
            false,
            None,
        ),
        (
            vec![status(404), status(503)],
            "a: GET https://api.example.org/a answered 404",
            false,
            None,
        ),
        (
            vec![wait("2"), wait("7")],
            "b: GET https://api.example.org/b answered 429",
            true,
            Some(7_000),
        ),
        (
            vec![Err(SendError::Refused("no".to_owned())), ok()],
            "a: GET https://api.example.org/a: no",
            false,
            None,
        ),
    ] {
        let config =
            batch(&[("a", "https://api.example.org/a"), ("b", "https://api.example.org/b")]);
        let (outcome, _) = run_batch(config, answers).await;
        let OutcomeMessage::Failed { failure } = outcome else { panic!("{outcome:?}") };
        let shown = failure.message.replace(" Service Unavailable", "");
        let shown = shown.replace(" Not Found", "").replace(" Too Many Requests", "");
        assert_eq!(shown, message);
        assert_eq!((failure.retryable, failure.retry_after_ms), (retryable, retry_after_ms));
    }
}

#[tokio::test]
async fn a_batch_that_does_more_than_read_one_origin_sends_nothing() {
    let many: Vec<Value> = (0..17)
        .map(|n| json!({"id": format!("p{n}"), "url": "https://api.example.org/"}))
        .collect();
    for config in [
        batch(&[("a", "https://api.example.org/a"), ("b", "https://evil.example.org/b")]),
        batch(&[("a", "https://api.example.org/a"), ("a", "https://api.example.org/b")]),
        batch(&[]),
        json!({"batch": many}),
        json!({"batch": [{"id": "a", "url": "https://api.example.org/a", "method": "POST"}]}),
        json!({"batch": [{"id": "a", "url": "https://api.example.org/a", "surprise": 1}]}),
        json!({"batch": [{"id": "a", "url": "https://api.example.org/a"}], "method": "GET"}),
        // A secret that is bound to one host must not travel in a batch that goes to two.
        json!({"batch": [
            {"id": "a", "url": "https://api.example.org/a", "auth": {"type": "bearer", "secret": "bound"}},
            {"id": "b", "url": "https://evil.example.org/b"},
        ]}),
    ] {
        let (outcome, sent) = run_batch(config.clone(), Vec::new()).await;
        let OutcomeMessage::Failed { failure } = outcome else { panic!("{outcome:?}") };
        let is_refused = matches!(&*failure.code, "invalid_config" | "secret_refused");
        assert!(is_refused && sent.is_empty(), "{config}: {failure:?}");
    }
}
