//! A link between client and server that the test can cut, or let fall silent, at a chosen moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Forwards connections to a server.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    address: SocketAddr,
    /// The server's next answer is swallowed, and its link cut.
    swallow: Arc<AtomicBool>,
    swallowed: Arc<Notify>,
    /// Nothing comes back, on no connection.
    silent: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a port of its own.
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            address: listener.local_addr().expect("an address"),
            swallow: Arc::default(),
            swallowed: Arc::default(),
            silent: Arc::default(),
        };
        let shared = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server answers");
                tokio::spawn(shared.clone().forward(client, server));
            }
        });
        proxy
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on an answer is lost: the server did what it was asked, nobody hears of it.
    pub(crate) fn lose_next_answer(&self) {
        self.swallow.store(true, Ordering::SeqCst);
    }

    /// Waits until an answer was lost.
    pub(crate) async fn lost(&self) {
        self.swallowed.notified().await;
    }

    /// From now on nobody hears of the server any more, and no connection ends.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    /// New connections work again; those that met the silence stay as they are.
    pub(crate) fn heal(&self) {
        self.silent.store(false, Ordering::SeqCst);
    }

    async fn forward(self, client: TcpStream, server: TcpStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let requests = tokio::spawn(async move {
            tokio::io::copy(&mut from_client, &mut to_server).await.map(drop)
        });
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if self.silent.load(Ordering::SeqCst) {
                return std::future::pending().await;
            }
            if self.swallow.swap(false, Ordering::SeqCst) {
                self.swallowed.notify_one();
                break;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        requests.abort();
    }
}
