//! The service on a socket: reserved first, served, drained.

use std::sync::Arc;

use aob_cas::MemCas;
use aob_edge::system_entropy;
use aob_orchestrator::{Config, Deps, bind};
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
