//! A connection of the one client, as the mail library wants it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use aob_egress::Connection;
use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads what was read before, then the connection. The lock is never waited for: whoever polls has it
/// to themselves.
pub(super) struct Stream {
    before: Vec<u8>,
    connection: Mutex<Connection>,
}

impl Stream {
    pub(super) fn new(before: Vec<u8>, connection: Connection) -> Self {
        Self { before, connection: Mutex::new(connection) }
    }

    fn connection(self: Pin<&mut Self>) -> Pin<&mut Connection> {
        let connection = self.get_mut().connection.get_mut();
        Pin::new(connection.unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl AsyncTokioStream for Stream {
    /// Who is at the other end is the client's business.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return self.connection().poll_read(context, buffer);
        }
        let length = self.before.len().min(buffer.remaining());
        let taken: Vec<u8> = self.before.drain(..length).collect();
        buffer.put_slice(&taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_shutdown(context)
    }
}
