//! One HTTP/1.1 connection, driven by whoever uses it: no task runs in the background, and dropping
//! a response drops its connection.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Connection;

/// Read at a time, and so kept per connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// Status line and headers of a response.
pub(crate) const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Headers of a response.
pub(crate) const MAX_HEADERS: usize = 100;

/// What makes a connection progress when polled.
type Driver = Pin<Box<http1::Connection<TokioIo<Watched>, Full<Bytes>>>>;

/// A connection on which requests can be sent, one at a time.
pub(crate) struct Wire {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    driver: Option<Driver>,
    wrote: Arc<AtomicBool>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("open", &self.driver.is_some()).finish_non_exhaustive()
    }
}

impl Wire {
    pub(crate) async fn new(connection: Connection) -> hyper::Result<Self> {
        let wrote = Arc::new(AtomicBool::new(false));
        let watched = Watched { inner: connection, wrote: Arc::clone(&wrote) };
        let (sender, driver) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(watched))
            .await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)), wrote })
    }

    /// Becomes true with the first byte of the request.
    pub(crate) fn wrote(&self) -> &Arc<AtomicBool> {
        &self.wrote
    }

    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        let mut response = pin!(self.sender.send_request(request));
        let driver = &mut self.driver;
        poll_fn(|context| {
            drive(driver, context);
            response.as_mut().poll(context)
        })
        .await
    }

    /// The next frame of the response's body.
    pub(crate) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<hyper::Result<Frame<Bytes>>> {
        poll_fn(|context| {
            drive(&mut self.driver, context);
            Pin::new(&mut *body).poll_frame(context)
        })
        .await
    }

    /// True where another request can be sent: the last response is complete, and the server
    /// has not closed the connection. Waits for nothing; a kept wire is asked again before its use.
    pub(crate) async fn is_idle(&mut self) -> bool {
        poll_fn(|context| {
            drive(&mut self.driver, context);
            let ready = matches!(self.sender.poll_ready(context), Poll::Ready(Ok(())));
            Poll::Ready(ready && self.driver.is_some())
        })
        .await
    }

    /// Forgets that bytes were written, for the next request.
    pub(crate) fn reset(&mut self) {
        self.wrote.store(false, Ordering::Relaxed);
    }
}

/// Lets the connection make progress. How it ended, the request or the body is told.
fn drive(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if let Some(running) = driver
        && running.as_mut().poll(context).is_ready()
    {
        *driver = None;
    }
}

/// A connection that remembers whether anything was written to it.
struct Watched {
    inner: Connection,
    wrote: Arc<AtomicBool>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.wrote.fetch_or(written > 0, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, buffers))?;
        self.wrote.fetch_or(written > 0, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
