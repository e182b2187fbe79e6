//! Deadlines, on the test's own clock.

use std::time::Duration;

use aob_egress::{Cap, ConnectStage, EgressError, Policy, Request};
use http::Method;
use tokio::time::{Instant, timeout};

use crate::net::{Net, OURS, Script, get, open_policy};
use crate::tls::Authority;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A network with one host.
fn net_with(script: Script) -> Net {
    let net = Net::default();
    net.answer("slow.example", &[&["198.100.0.1"]]);
    net.script("198.100.0.1:80", script);
    net
}

fn request() -> Request {
    Request::new(Method::GET, "http://slow.example/")
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline() {
    for silent in [
        "",
        "HTTP/1.1 200 OK\r\nX-Slow:",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ] {
        let client = net_with(Script::Hang(silent)).client(open_policy());
        for timeout_ms in [1, 250, 30_000] {
            let started = Instant::now();
            let error = client.send(OURS, Request { timeout_ms, ..request() }).await.unwrap_err();
            assert!(matches!(error, EgressError::Timeout { sent: true }), "{silent:?}: {error:?}");
            let elapsed_ms = started.elapsed().as_millis();
            assert!((timeout_ms.into()..=u128::from(timeout_ms) + 1).contains(&elapsed_ms));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn endless_patience_is_bounded() {
    let client = net_with(Script::Hang("")).client(open_policy());
    let error = client.send(OURS, Request { timeout_ms: u64::MAX, ..request() }).await.unwrap_err();
    assert!(matches!(error, EgressError::Timeout { sent: true }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn connecting_has_five_seconds() {
    let client = net_with(Script::BlackHole).client(open_policy());
    let started = Instant::now();
    let error = client.send(OURS, request()).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect { stage: ConnectStage::Tcp, .. }), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 5);
    let error = client.send(OURS, Request { timeout_ms: 900, ..request() }).await.unwrap_err();
    assert!(matches!(error, EgressError::Timeout { sent: false }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn one_dead_address_leaves_time_for_the_others() {
    let net = net_with(Script::BlackHole);
    net.answer("slow.example", &[&["198.100.0.1", "198.100.0.2"]]);
    net.script("198.100.0.2:80", Script::Close(OK));
    let response = net.client(open_policy()).send(OURS, request()).await.unwrap();
    assert_eq!(response.body, "ok");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_tls_stands() {
    for script in [Script::Hang(""), Script::Hang(OK)] {
        let net = Net::default();
        net.script("93.184.216.34:443", script);
        let client = net.client_trusting(Policy::default(), &Authority::new().pem());
        let error = get(&client, "https://example.com/").await.unwrap_err();
        assert!(
            matches!(error, EgressError::Connect { stage: ConnectStage::Tls, .. }),
            "{error:?}"
        );
        let request =
            Request { timeout_ms: 900, ..Request::new(Method::GET, "https://example.com") };
        let error = client.send(OURS, request).await.unwrap_err();
        assert!(matches!(error, EgressError::Timeout { sent: false }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_left_alone_for_a_while() {
    let net = Net::default();
    let client = net.client(open_policy());
    for _ in 0..20 {
        let error = get(&client, "http://dead.example/").await.unwrap_err();
        assert_eq!(error.code(), "connect_failed");
    }
    let error = get(&client, "http://dead.example/").await.unwrap_err();
    assert!(matches!(error, EgressError::CircuitOpen { .. }), "{error:?}");
    assert!(!error.sent());
    assert_eq!(net.connected().len(), 20);
    assert_eq!(get(&client, "http://other.example/").await.unwrap_err().code(), "connect_failed");

    tokio::time::advance(Duration::from_secs(5)).await;
    net.script("93.184.216.34:80", Script::Close(OK));
    for _ in 0..2 {
        assert_eq!(get(&client, "http://dead.example/").await.unwrap().body, "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn parts_of_a_stream_come_as_they_are_sent() {
    let events = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                  Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n";
    let client = net_with(Script::Hang(events)).client(open_policy());
    let mut response = client.send_streaming(OURS, request(), 45_000).await.unwrap();
    assert_eq!(response.headers["content-type"], "text/event-stream");
    let started = Instant::now();
    let mut text = Vec::new();
    let end = loop {
        match response.body.next().await {
            Some(Ok(part)) => text.extend(part),
            other => break other,
        }
    };
    assert_eq!(text, b"data: 1\n\ndata: 2\n\n");
    assert!(matches!(end, Some(Err(EgressError::Timeout { sent: true }))), "{end:?}");
    assert_eq!(started.elapsed().as_secs(), 45, "the request's own timeout ends with the head");
    assert!(response.body.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_capped_and_ends() {
    let client = net_with(Script::Close(OK)).client(open_policy());
    let mut whole = client.send_streaming(OURS, request(), 1_000).await.unwrap();
    assert_eq!(whole.body.next().await.unwrap().unwrap(), "ok");
    assert!(whole.body.next().await.is_none());

    let long = "HTTP/1.1 200 OK\r\n\r\nmore than ten bytes";
    let client = net_with(Script::Hang(long)).client(open_policy());
    let request = Request { max_bytes: 10, ..request() };
    let mut long = client.send_streaming(OURS, request, 1_000).await.unwrap();
    let error = long.body.next().await.unwrap().unwrap_err();
    assert!(matches!(error, EgressError::TooLarge { cap: Cap::Body, limit: 10 }), "{error:?}");
    assert!(long.body.next().await.is_none());
}

/// Dropping a response that was not read to its end frees its slot.
#[tokio::test(start_paused = true)]
async fn streams_hold_their_slots_until_they_are_dropped() {
    let net = net_with(Script::Hang("HTTP/1.1 200 OK\r\n\r\nx"));
    let client = net.client(open_policy());
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(client.send_streaming(OURS, request(), 10_000).await.unwrap());
    }
    let mut waiting = Box::pin(client.send_streaming(OURS, request(), 10_000));
    assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
    assert_eq!(net.connected().len(), 16);
    held.pop();
    held.push(waiting.await.unwrap());

    let timed_out = client.send(OURS, request()).await.unwrap_err();
    assert!(matches!(timed_out, EgressError::Timeout { sent: false }), "{timed_out:?}");
}

/// Giving up a request closes its connection, and the next one starts anew.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_leaves_nothing_behind() {
    let net = net_with(Script::Hang(""));
    let client = net.client(open_policy());
    for _ in 0..40 {
        let given_up = timeout(Duration::from_secs(1), client.send(OURS, request())).await;
        assert!(given_up.is_err());
    }
    assert_eq!(net.connected().len(), 40);
}
