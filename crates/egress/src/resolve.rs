//! From a name to addresses.

use std::fmt;
use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Turns host names into addresses. Asked once per request and hop; the answers are judged, and
/// the connection goes to one of these very answers.
#[async_trait]
pub trait Resolver: fmt::Debug + Send + Sync {
    /// All addresses of a name, of both families, aliases followed.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut addresses = Vec::new();
        for found in tokio::net::lookup_host((name, 0)).await? {
            if !addresses.contains(&found.ip()) {
                addresses.push(found.ip());
            }
        }
        Ok(addresses)
    }
}
