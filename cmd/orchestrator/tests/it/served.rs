//! The service on a socket: reserved first, served, drained.

use std::sync::Arc;

use aob_cache::NullCache;
use aob_cas::MemCas;
use aob_edge::{mint_token, system_entropy};
use aob_orchestrator::{Bootstrap, Config, Deps, bind, bootstrap};
use aob_store::MemStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::stack::{bus, clock};

async fn exchange(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the test server answers");
    stream.write_all(request.as_bytes()).await.expect("the test server answers");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the test server answers");
    answer
}

#[tokio::test]
async fn it_answers_bounds_heads_and_ends_when_asked() {
    let clock = clock();
    let deps = Deps {
        store: Arc::new(MemStore::new(Arc::clone(&clock))),
        cas: Arc::new(MemCas::default()),
        cache: Arc::new(NullCache),
        bus: bus(),
        clock,
        entropy: system_entropy(),
    };
    let config = Config::new(([127, 0, 0, 1], 0).into());
    let bound = bind(config.clone(), deps.clone()).await.expect("the test server answers");
    let address = bound.address();
    let taken = Config { listen: address, ..config };
    assert!(bind(taken, deps).await.is_err(), "the socket is reserved before anything runs");
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(bound.run(shutdown.clone()));
    let healthy = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange(address, healthy).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("x-request-id: "), "{answer}");
    let huge = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(32 * 1024));
    assert!(exchange(address, &huge).await.starts_with("HTTP/1.1 431"));
    shutdown.cancel();
    assert!(running.await.expect("the test server answers"));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn whoever_guesses_keys_is_told_to_wait() {
    let clock = clock();
    let store = Arc::new(MemStore::new(Arc::clone(&clock)));
    let entropy = system_entropy();
    let roles = &[aob_api::Role::Admin];
    let new = Bootstrap { workspace: "acme", name: "ada", roles, now_ms: 1 };
    let right = bootstrap(&*store, &entropy, new.clone()).await.expect("memory does not fail");
    let late = bootstrap(&*store, &entropy, new).await.expect("memory does not fail");
    let cas = Arc::new(MemCas::default());
    let cache = Arc::new(NullCache);
    let deps = Deps { store, cas, cache, bus: bus(), clock, entropy: Arc::clone(&entropy) };
    let listen = "127.0.0.1:0".parse().expect("an address");
    let bound = bind(Config::new(listen), deps).await.expect("a free port");
    let (address, shutdown) = (bound.address(), CancellationToken::new());
    let serving = tokio::spawn(bound.run(shutdown.clone()));
    let ask = |token: String| async move {
        let head = "GET /v1/runs HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
        exchange(address, &format!("{head}authorization: Bearer {token}\r\n\r\n")).await
    };
    assert!(ask(right.clone()).await.starts_with("HTTP/1.1 200"));
    for _ in 0..20 {
        let refused = ask(mint_token(&entropy).token).await;
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    }
    for guess in [mint_token(&entropy).token, late] {
        let refused = ask(guess).await.to_lowercase();
        assert!(refused.starts_with("http/1.1 429"), "{refused}");
        assert!(refused.contains("retry-after: ") && refused.contains("too_many_attempts"));
    }
    // A key that was right before is not locked out.
    assert!(ask(right).await.starts_with("HTTP/1.1 200"));
    shutdown.cancel();
    assert!(serving.await.expect("it does not panic"));
}
