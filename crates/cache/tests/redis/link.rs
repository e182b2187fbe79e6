//! A link to a server that a test can cut, and make silent.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what is sent over the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It arrives.
    Open,
    /// It disappears; connections stay.
    Silent,
    /// Connections end at once.
    Cut,
}

/// Forwards connections to the tests' server.
#[derive(Debug)]
pub(crate) struct Link {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
}

impl Link {
    /// Listens on a port of its own. `server` is `host:port`.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (mode, watched) = watch::channel(Mode::Open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server answers");
                tokio::spawn(forward(client, server, watched.clone()));
            }
        });
        Self { address, mode }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn forward(client: TcpStream, server: TcpStream, mut mode: watch::Receiver<Mode>) {
    let cut = {
        let mut mode = mode.clone();
        async move { mode.wait_for(|mode| *mode == Mode::Cut).await.map(|_| ()) }
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async { tokio::io::copy(&mut from_client, &mut to_server).await.map(drop) };
    let answers = async {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if mode.wait_for(|mode| *mode != Mode::Silent).await.is_err()
                || to_client.write_all(&buffer[..read]).await.is_err()
            {
                break;
            }
        }
    };
    tokio::select! { _ = requests => {}, () = answers => {}, _ = cut => {} }
}
