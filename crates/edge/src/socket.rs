//! A socket that is reserved before anything answers on it.

use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::TcpListener;

/// A reserved socket.
#[derive(Debug)]
pub struct Socket {
    /// Accepts connections, once somebody serves it.
    pub listener: TcpListener,
    /// Where it is, with the port that it got.
    pub address: SocketAddr,
}

/// Why a service cannot be served.
#[derive(Debug, Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

impl Socket {
    /// Reserves `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn reserve(address: SocketAddr) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }
}
