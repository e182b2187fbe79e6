//! Names and certificates.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aob_egress::{ConnectStage, EgressError, Policy, Request};
use http::Method;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::net::{Net, OURS, Script, get};
use crate::server::read_request;

/// A certificate authority of a test.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// A server's configuration with a certificate for a name or an address.
    fn server(&self, name: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

/// A TLS server that answers each request with the server name that it was greeted with.
struct TlsServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl TlsServer {
    async fn start(config: ServerConfig, location: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let Some(request) = read_request(&mut stream).await else { continue };
                seen.lock().unwrap().push(request);
                let name = stream.get_ref().1.server_name().unwrap_or("none").to_owned();
                let head = match &location {
                    Some(location) => format!("302 Found\r\nLocation: {location}"),
                    None => "200 OK".to_owned(),
                };
                let length = name.len();
                let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{name}");
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Self { address, requests, _tasks: tasks }
    }
}

#[tokio::test]
async fn the_name_is_greeted_at_the_address_that_was_judged() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.server("api.example.com"), None).await;
    let net = Net::default();
    net.answer("api.example.com", &[&["198.100.0.1"]]);
    net.route("198.100.0.1:443", server.address);
    let client = net.client_trusting(Policy::default(), &authority.pem());
    let response = get(&client, "https://api.example.com/path").await.unwrap();
    assert_eq!(response.body, "api.example.com");
    assert_eq!(net.connected(), ["198.100.0.1:443".parse().unwrap()]);
    let request = &server.requests.lock().unwrap()[0];
    assert!(request.starts_with("GET /path HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: api.example.com\r\n"), "{request}");
}

#[tokio::test]
async fn addresses_have_certificates_too() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.server("198.100.0.1"), None).await;
    let net = Net::default();
    net.route("198.100.0.1:443", server.address);
    let client = net.client_trusting(Policy::default(), &authority.pem());
    assert_eq!(get(&client, "https://198.100.0.1/").await.unwrap().body, "none");
}

#[tokio::test]
async fn a_wrong_certificate_stops_before_the_request() {
    let (authority, other) = (Authority::new(), Authority::new());
    let wrong_name = TlsServer::start(authority.server("other.example.com"), None).await;
    let wrong_issuer = TlsServer::start(other.server("api.example.com"), None).await;
    for address in [wrong_name.address, wrong_issuer.address] {
        let net = Net::default();
        net.answer("api.example.com", &[&["198.100.0.1"]]);
        net.route("198.100.0.1:443", address);
        let client = net.client_trusting(Policy::default(), &authority.pem());
        let request = Request::new(Method::POST, "https://api.example.com/");
        let error = client.send(OURS, request).await.unwrap_err();
        let stage = matches!(error, EgressError::Connect { stage: ConnectStage::Tls, .. });
        assert!(stage && !error.sent(), "{error:?}");
    }
    assert!(wrong_name.requests.lock().unwrap().is_empty());
    assert!(wrong_issuer.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_any_authority_there_is_no_https() {
    let net = Net::default();
    net.script("93.184.216.34:443", Script::Hang(""));
    let error = get(&net.client(Policy::default()), "https://example.com/").await.unwrap_err();
    assert!(matches!(error, EgressError::Connect { stage: ConnectStage::Tls, .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_does_not_leave_https() {
    let authority = Authority::new();
    let plain = "http://api.example.com/".to_owned();
    let server = TlsServer::start(authority.server("api.example.com"), Some(plain)).await;
    let net = Net::default();
    net.answer("api.example.com", &[&["198.100.0.1"]]);
    net.route("198.100.0.1:443", server.address);
    let policy = Policy { plain_http: true, ..Policy::default() };
    let client = net.client_trusting(policy, &authority.pem());
    let mut request = Request::new(Method::GET, "https://api.example.com/");
    request.redirects = 3;
    let error = client.send(OURS, request).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code(), "downgrade");
    assert_eq!(net.connected().len(), 1);
}
