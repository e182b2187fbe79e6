//! TLS: an explicit provider, the system's roots and those of the configuration.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use url::Host;

use crate::connect::{Connection, Io};

/// Which certificate authorities are trusted.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Those of the operating system, loaded at the first `https` request.
    pub system: bool,
    /// PEM certificates of further ones.
    pub extra_roots_pem: Vec<u8>,
}

impl Default for Trust {
    fn default() -> Self {
        Self { system: true, extra_roots_pem: Vec::new() }
    }
}

/// Makes TLS connections; configured when first needed, because reading the roots takes longer
/// than a local request.
pub(crate) struct Tls {
    trust: Trust,
    /// Protocols that are offered; none: there is nothing to choose from.
    protocols: &'static [&'static str],
    config: OnceCell<Arc<ClientConfig>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("system", &self.trust.system).finish_non_exhaustive()
    }
}

impl Tls {
    pub(crate) fn new(trust: Trust, protocols: &'static [&'static str]) -> Self {
        Self { trust, protocols, config: OnceCell::new() }
    }

    /// Shakes hands over a connection, under the name of the host.
    pub(crate) async fn handshake(
        &self,
        host: &Host<String>,
        connection: Connection,
    ) -> io::Result<Connection> {
        let config = self.config.get_or_try_init(|| self.configure()).await?;
        let stream =
            TlsConnector::from(Arc::clone(config)).connect(name_of(host)?, connection).await?;
        Ok(Box::new(stream) as Box<dyn Io>)
    }

    async fn configure(&self) -> io::Result<Arc<ClientConfig>> {
        let trust = self.trust.clone();
        let roots = tokio::task::spawn_blocking(move || roots(&trust)).await??;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols =
            self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // A session kept for one workspace would be shown to the server by another.
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

fn roots(trust: &Trust) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if trust.system {
        // Some unreadable certificates are normal; none at all is judged below.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for certificate in CertificateDer::pem_slice_iter(&trust.extra_roots_pem) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no trusted certificate authorities"));
    }
    Ok(roots)
}

fn name_of(host: &Host<String>) -> io::Result<ServerName<'static>> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(io::Error::other),
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::V4(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::V6(*address))),
    }
}
