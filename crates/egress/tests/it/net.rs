//! A resolver and a connector that record what they are asked.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use aob_egress::{
    Client, ClientConfig, Connection, Connector, EgressError, Policy, Request, Resolver, Response,
    TcpConnector, Trust, Workspace,
};
use async_trait::async_trait;
use tokio::io::{AsyncWriteExt, duplex};

use crate::server::read_request;

/// A tenant.
pub(crate) const OURS: Workspace = [1; 16];

/// What a name resolves to where a test says nothing else.
pub(crate) const PUBLIC: &str = "93.184.216.34";

/// A host in memory, where nothing takes time but what the test's clock gives it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// It takes the connection, reads the request, sends this, and then nothing, for ever.
    Hang(&'static str),
    /// The same, and then it closes the connection.
    Close(&'static str),
    /// It does not even take the connection.
    BlackHole,
}

/// The network as the client sees it. Clones are the same network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Net {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Answers by name, one list per question; the last one stays.
    answers: BTreeMap<String, Vec<Vec<IpAddr>>>,
    /// Which local server stands for an address.
    routes: BTreeMap<SocketAddr, SocketAddr>,
    /// Who answers at an address instead.
    scripts: BTreeMap<SocketAddr, Script>,
    asked: Vec<String>,
    connected: Vec<SocketAddr>,
}

impl Net {
    /// The next questions for this name are answered with these lists, then with the last one.
    pub(crate) fn answer(&self, name: &str, lists: &[&[&str]]) {
        let parse = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
        let lists = lists.iter().map(parse).collect();
        self.state.lock().unwrap().answers.insert(name.to_owned(), lists);
    }

    /// Connections to an address end at a local server.
    pub(crate) fn route(&self, address: &str, server: SocketAddr) {
        self.state.lock().unwrap().routes.insert(address.parse().unwrap(), server);
    }

    /// Connections to an address end at a host in memory.
    pub(crate) fn script(&self, address: &str, script: Script) {
        self.state.lock().unwrap().scripts.insert(address.parse().unwrap(), script);
    }

    /// Which names were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Where connections were tried, in order.
    pub(crate) fn connected(&self) -> Vec<SocketAddr> {
        self.state.lock().unwrap().connected.clone()
    }

    /// A client on this network that trusts these certificate authorities only.
    pub(crate) fn client_trusting(&self, policy: Policy, roots_pem: &str) -> Client {
        let trust = Trust { system: false, extra_roots_pem: roots_pem.as_bytes().to_vec() };
        let network = Arc::new(self.clone());
        Client::new(ClientConfig { policy, trust, resolver: network.clone(), connector: network })
    }

    /// A client on this network for plain http.
    pub(crate) fn client(&self, policy: Policy) -> Client {
        self.client_trusting(policy, "")
    }
}

#[async_trait]
impl Resolver for Net {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut state = self.state.lock().unwrap();
        state.asked.push(name.to_owned());
        Ok(match state.answers.get_mut(name) {
            Some(lists) if lists.len() > 1 => lists.remove(0),
            Some(lists) => lists[0].clone(),
            None => vec![PUBLIC.parse().unwrap()],
        })
    }
}

#[async_trait]
impl Connector for Net {
    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let (server, script) = {
            let mut state = self.state.lock().unwrap();
            state.connected.push(address);
            (state.routes.get(&address).copied(), state.scripts.get(&address).copied())
        };
        let (bytes, hangs) = match (server, script) {
            (Some(server), _) => return TcpConnector.connect(server).await,
            (None, None) => return Err(io::ErrorKind::ConnectionRefused.into()),
            (None, Some(Script::BlackHole)) => std::future::pending().await,
            (None, Some(Script::Hang(bytes))) => (bytes, true),
            (None, Some(Script::Close(bytes))) => (bytes, false),
        };
        let (ours, mut theirs) = duplex(64 * 1024);
        // It ends with the test's runtime.
        tokio::spawn(async move {
            read_request(&mut theirs).await;
            theirs.write_all(bytes.as_bytes()).await.unwrap();
            if hangs {
                std::future::pending::<()>().await;
            }
        });
        Ok(Box::new(ours))
    }
}

/// As open as a policy can be without listing hosts.
pub(crate) fn open_policy() -> Policy {
    Policy { plain_http: true, ..Policy::default() }
}

/// Sends a GET for our workspace.
pub(crate) async fn get(client: &Client, url: &str) -> Result<Response, EgressError> {
    client.send(OURS, Request::new(http::Method::GET, url)).await
}
