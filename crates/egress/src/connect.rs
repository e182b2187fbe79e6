//! The last step before the network: it sees the very address, and judges it once more.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use url::Host;

use crate::error::{ConnectStage, EgressError};
use crate::policy::Reach;
use crate::resolve::Resolver;
use crate::target::Target;

/// More answers than this are not looked at.
const MAX_ANSWERS: usize = 64;

/// A byte stream to a server.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A byte stream to a server, of whatever kind.
pub type Connection = Box<dyn Io>;

/// Opens connections to addresses that have been judged. Tests put their own in its place.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync {
    /// Connects to exactly this address.
    async fn connect(&self, address: SocketAddr) -> io::Result<Connection>;
}

/// TCP, directly: no proxy, whatever the environment says.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpConnector;

#[async_trait]
impl Connector for TcpConnector {
    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

/// All addresses of the target, every one of them permitted.
pub(crate) async fn addresses(
    resolver: &dyn Resolver,
    reach: Reach<'_>,
    target: &Target,
) -> Result<Vec<SocketAddr>, EgressError> {
    let found = match &target.host {
        Host::Ipv4(address) => vec![IpAddr::V4(*address)],
        Host::Ipv6(address) => vec![IpAddr::V6(*address)],
        Host::Domain(name) => {
            let answer = resolver.resolve(name).await;
            answer.map_err(|error| EgressError::connect(ConnectStage::Resolve, error))?
        }
    };
    if found.is_empty() || found.len() > MAX_ANSWERS {
        let text = format!("the name has {} addresses", found.len());
        return Err(EgressError::connect(ConnectStage::Resolve, text));
    }
    // One bad answer fails all: a name that is public and private at once is an attack or a mistake.
    for address in &found {
        reach.check(target, *address)?;
    }
    Ok(found.into_iter().map(|address| SocketAddr::new(address, target.port)).collect())
}

/// Connects to the first address that answers, within `limit` for all of them together.
pub(crate) async fn dial(
    connector: &dyn Connector,
    reach: Reach<'_>,
    target: &Target,
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<(SocketAddr, Connection), EgressError> {
    let deadline = Instant::now() + limit;
    let mut failure = io::Error::from(io::ErrorKind::TimedOut);
    for (tried, address) in addresses.iter().enumerate() {
        reach.check(target, address.ip())?;
        let remaining = deadline.saturating_duration_since(Instant::now());
        // The last one gets all that is left; the others leave something for those behind them.
        let share = remaining / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout(share, connector.connect(*address)).await {
            Ok(Ok(connection)) => return Ok((*address, connection)),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::Error::from(io::ErrorKind::TimedOut),
        }
    }
    Err(EgressError::connect(ConnectStage::Tcp, failure))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::Policy;

    #[derive(Debug)]
    struct Unreachable;

    #[async_trait]
    impl Connector for Unreachable {
        async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
            panic!("{address} must not be connected to");
        }
    }

    /// The last look before the network does not rely on those before it.
    #[tokio::test]
    async fn an_address_that_slipped_through_is_not_dialed() {
        let policy = Policy::default();
        let target = Target::parse("https://example.com/").unwrap();
        let reach = policy.admit(&target, &Method::GET).unwrap();
        for address in ["127.0.0.1:443", "169.254.169.254:443", "[::1]:443", "[fd00::1]:443"] {
            let addresses = [address.parse().unwrap()];
            let limit = Duration::from_secs(1);
            let dialed = dial(&Unreachable, reach, &target, &addresses, limit).await;
            let refused = matches!(dialed, Err(EgressError::Refused(_)));
            assert!(refused, "{address}");
        }
    }
}
