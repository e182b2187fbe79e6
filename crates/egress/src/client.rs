//! The client: one request, its redirects, and the deadline over all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use crate::Refusal;
use crate::body::{BodyStream, Patience, Source};
use crate::connect::{self, Connection, Connector, TcpConnector};
use crate::decode::Decoder;
use crate::error::{Cap, ConnectStage, EgressError};
use crate::headers;
use crate::hosts::{HostKey, Hosts, Slot};
use crate::policy::{Policy, Reach};
use crate::pool::{Pool, PoolKey};
use crate::redirect::{Hop, MAX_REDIRECTS, behind};
use crate::request::{Request, Response, StreamingResponse};
use crate::resolve::{Resolver, SystemResolver};
use crate::target::{Scheme, Target};
use crate::tls::{Tls, Trust};
use crate::wire::{MAX_HEADER_BYTES, Wire};

/// A tenant: the 16 bytes of its id. Connections are never shared between two.
pub type Workspace = [u8; 16];

/// All addresses of a host together, and the TLS handshake, get so long each.
const CONNECT_FOR: Duration = Duration::from_secs(5);

/// No request takes longer than this, whatever it asks for.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client is made of.
#[derive(Debug)]
pub struct ClientConfig {
    /// Who may be reached.
    pub policy: Policy,
    /// Which certificate authorities are trusted.
    pub trust: Trust,
    /// From names to addresses.
    pub resolver: Arc<dyn Resolver>,
    /// From addresses to connections.
    pub connector: Arc<dyn Connector>,
}

impl ClientConfig {
    /// The system's resolver, roots and network under this policy.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            trust: Trust::default(),
            resolver: Arc::new(SystemResolver),
            connector: Arc::new(TcpConnector),
        }
    }
}

/// The HTTP client of the product. Clones share connections and limits.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    policy: Policy,
    resolver: Arc<dyn Resolver>,
    connector: Arc<dyn Connector>,
    tls: Tls,
    /// The same for what is not HTTP.
    plain_tls: Tls,
    hosts: Hosts,
    pub(crate) pool: Pool,
}

/// What one request of a chain is sent with.
#[derive(Debug, Clone, Copy)]
struct Terms {
    workspace: Workspace,
    deadline: Instant,
    /// `None`: `deadline` holds for the body as well.
    idle: Option<Duration>,
    max_bytes: u64,
    repeatable: bool,
}

/// What tells whether any byte of the current request was written, on whatever connection.
#[derive(Debug, Default)]
struct Sent(Mutex<Vec<Arc<AtomicBool>>>);

impl Sent {
    fn watch(&self, wire: &Wire) {
        self.0.lock().push(Arc::clone(wire.wrote()));
    }

    fn any(&self) -> bool {
        self.0.lock().iter().any(|wrote| wrote.load(Ordering::Relaxed))
    }
}

type Head = http::Response<Incoming>;

impl Client {
    /// A client. Opens nothing yet.
    pub fn new(config: ClientConfig) -> Self {
        let ClientConfig { policy, trust, resolver, connector } = config;
        let plain_tls = Tls::new(trust.clone(), &[]);
        let (tls, hosts, pool) = (Tls::new(trust, &["http/1.1"]), Hosts::new(), Pool::default());
        let inner = Inner { policy, resolver, connector, tls, plain_tls, hosts, pool };
        Self { inner: Arc::new(inner) }
    }

    /// Sends a request and reads the whole answer. Dropping the future drops its connection.
    ///
    /// # Errors
    /// See [`EgressError`]; a status of 400 or more is none.
    pub async fn send(
        &self,
        workspace: Workspace,
        request: Request,
    ) -> Result<Response, EgressError> {
        let (StreamingResponse { status, headers, url, body }, hops) =
            Box::pin(self.follow(workspace, request, None)).await?;
        let body = body.collect().await.map_err(|error| behind(hops, error))?;
        Ok(Response { status, headers, body, url })
    }

    /// Sends a request and returns when the head of the answer is there. The parts of the body may
    /// come for as long as they like, each within `idle_timeout_ms` of the one before.
    ///
    /// # Errors
    /// See [`EgressError`]; a status of 400 or more is none.
    pub async fn send_streaming(
        &self,
        workspace: Workspace,
        request: Request,
        idle_timeout_ms: u64,
    ) -> Result<StreamingResponse, EgressError> {
        let idle = Duration::from_millis(idle_timeout_ms).min(MAX_DURATION);
        let (response, _) = Box::pin(self.follow(workspace, request, Some(idle))).await?;
        Ok(response)
    }

    /// Opens a connection to a server that the configuration names and that speaks something else than
    /// HTTP, over TLS from the first byte or not. Being named opens private addresses, as for
    /// [`Policy::only`]; metadata services and the like stay closed, and so does what the policy denies.
    ///
    /// # Errors
    /// See [`EgressError`].
    pub async fn open(&self, host: &str, port: u16, tls: bool) -> Result<Connection, EgressError> {
        let inner = &*self.inner;
        let target = Target::parse(&format!("https://{host}:{port}/"))?;
        let reach = Reach { policy: &inner.policy, private: true };
        let found = connect::addresses(&*inner.resolver, reach, &target);
        let found = timeout(CONNECT_FOR, found).await;
        let addresses =
            found.unwrap_or_else(|e| Err(EgressError::connect(ConnectStage::Resolve, e)))?;
        let dialed = connect::dial(&*inner.connector, reach, &target, &addresses, CONNECT_FOR);
        let (_, connection) = dialed.await?;
        if tls { self.secure(host, connection).await } else { Ok(connection) }
    }

    /// Shakes hands over a connection that [`Client::open`] gave, under the name of the host: for
    /// protocols that begin in the clear.
    ///
    /// # Errors
    /// See [`EgressError`].
    pub async fn secure(
        &self,
        host: &str,
        connection: Connection,
    ) -> Result<Connection, EgressError> {
        let target = Target::parse(&format!("https://{host}/"))?;
        let tls = &self.inner.plain_tls;
        let handshake = timeout(CONNECT_FOR, tls.handshake(&target.host, connection)).await;
        let shaken = handshake.unwrap_or_else(|elapsed| Err(elapsed.into()));
        shaken.map_err(|error| EgressError::connect(ConnectStage::Tls, error))
    }

    /// Follows redirects; also returns how many there were.
    async fn follow(
        &self,
        workspace: Workspace,
        request: Request,
        idle: Option<Duration>,
    ) -> Result<(StreamingResponse, u8), EgressError> {
        let Request { method, url, headers, body, timeout_ms, max_bytes, redirects, repeatable } =
            request;
        let deadline = Instant::now() + Duration::from_millis(timeout_ms).min(MAX_DURATION);
        let terms = Terms { workspace, deadline, idle, max_bytes, repeatable };
        let limit = redirects.min(MAX_REDIRECTS);
        let mut hop = Hop { target: Target::parse(&url)?, method, headers, body };
        let mut hops = 0;
        loop {
            let answer = self.hop(&hop, terms).await.map_err(|error| behind(hops, error))?;
            if redirects == 0 {
                return Ok((answer, hops));
            }
            let next = hop.next(answer.status, &answer.headers);
            hops += 1;
            match next.map_err(|refusal| behind(hops, refusal.into()))? {
                None => return Ok((answer, hops - 1)),
                Some(_) if hops > limit => {
                    return Err(behind(hops, Refusal::TooManyRedirects.into()));
                }
                Some(next) => hop = next,
            }
        }
    }

    /// One request, up to the head of its answer.
    async fn hop(&self, hop: &Hop, terms: Terms) -> Result<StreamingResponse, EgressError> {
        let Hop { target, method, headers, body } = hop;
        let reach = self.inner.policy.admit(target, method)?;
        let gzip = terms.idle.is_none();
        let authority = target.authority();
        let headers = headers::outgoing(headers, method, &authority, body.len(), gzip)?;
        let mut request = http::Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = target.request_line_uri()?;
        *request.headers_mut() = headers;

        let key =
            HostKey { workspace: terms.workspace, host: target.host_text(), port: target.port };
        let entered = timeout_at(terms.deadline, self.inner.hosts.enter(key)).await;
        let slot = entered.map_err(|_| EgressError::Timeout { sent: false })??;
        let sent = Sent::default();
        let attempt =
            timeout_at(terms.deadline, self.attempt(target, reach, request, terms, &sent));
        let result =
            attempt.await.unwrap_or_else(|_| Err(EgressError::Timeout { sent: sent.any() }));
        slot.report(&result);
        let (wire, key, head) = result?;
        self.answer(target, terms, head, (wire, key, slot))
    }

    /// Sends over a kept connection if that may be tried, else over a new one.
    async fn attempt(
        &self,
        target: &Target,
        reach: Reach<'_>,
        request: http::Request<Full<Bytes>>,
        terms: Terms,
        sent: &Sent,
    ) -> Result<(Wire, PoolKey, Head), EgressError> {
        let inner = &*self.inner;
        let addresses = connect::addresses(&*inner.resolver, reach, target).await?;
        let key_at = |address| PoolKey {
            workspace: terms.workspace,
            scheme: target.scheme,
            host: target.host_text(),
            address,
        };
        if terms.repeatable {
            for address in &addresses {
                let key = key_at(*address);
                let Some(mut wire) = inner.pool.take(&key).await else { continue };
                sent.watch(&wire);
                match exchange(&mut wire, request.clone()).await {
                    Ok(head) => return Ok((wire, key, head)),
                    // The server may have closed it a moment ago: once more, over a new one.
                    Err(EgressError::Lost { .. } | EgressError::Connect { .. }) => break,
                    Err(error) => return Err(error),
                }
            }
        }
        let dialed = connect::dial(&*inner.connector, reach, target, &addresses, CONNECT_FOR);
        let (address, mut connection) = dialed.await?;
        if target.scheme == Scheme::Https {
            let handshake = timeout(CONNECT_FOR, inner.tls.handshake(&target.host, connection));
            let shaken = handshake.await.unwrap_or_else(|elapsed| Err(elapsed.into()));
            connection = shaken.map_err(|e| EgressError::connect(ConnectStage::Tls, e))?;
        }
        let wire = Wire::new(connection).await;
        let mut wire = wire.map_err(|e| EgressError::connect(ConnectStage::Send, e))?;
        sent.watch(&wire);
        let head = exchange(&mut wire, request).await?;
        Ok((wire, key_at(address), head))
    }

    /// The answer as the caller sees it.
    fn answer(
        &self,
        target: &Target,
        terms: Terms,
        head: Head,
        (wire, key, slot): (Wire, PoolKey, Slot),
    ) -> Result<StreamingResponse, EgressError> {
        let (parts, incoming) = head.into_parts();
        let mut headers: HeaderMap = parts.headers;
        let decoder = Decoder::for_response(&headers, terms.max_bytes)?;
        headers::incoming(&mut headers, !decoder.is_plain());
        let source = Source { wire, client: Arc::clone(&self.inner), key, _slot: slot };
        let patience = terms.idle.map_or(Patience::Until(terms.deadline), Patience::Each);
        let body = BodyStream::new(incoming, decoder, source, patience, terms.max_bytes)?;
        Ok(StreamingResponse { status: parts.status, headers, url: target.to_url(), body })
    }
}

/// Sends a request and tells, if it fails, whether the server may have seen it.
async fn exchange(
    wire: &mut Wire,
    request: http::Request<Full<Bytes>>,
) -> Result<Head, EgressError> {
    wire.send(request).await.map_err(|error| {
        if error.is_parse_too_large() {
            return EgressError::TooLarge { cap: Cap::Headers, limit: MAX_HEADER_BYTES as u64 };
        }
        match error.is_parse() {
            true => EgressError::bad_response(error),
            false if wire.wrote().load(Ordering::Relaxed) => {
                EgressError::Lost { source: error.into() }
            }
            false => EgressError::connect(ConnectStage::Send, error),
        }
    })
}
