//! Receivers behind a connector: each port answers as it is told, without a socket.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aob_egress::{Connection, Connector, Resolver};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Answers with this status and header line.
    Answer(u16, &'static str),
    /// Never answers.
    Silence,
    /// Hangs up.
    HangUp,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) port: u16,
    pub(crate) at: Instant,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Script {
    /// What comes next on each port; then 200.
    steps: BTreeMap<u16, VecDeque<Step>>,
    /// What a port does whenever nothing else is said.
    always: BTreeMap<u16, Step>,
    got: Vec<Got>,
}

/// All receivers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receivers(Arc<Mutex<Script>>);

impl Receivers {
    pub(crate) fn script(&self, port: u16, steps: impl IntoIterator<Item = Step>) {
        self.0.lock().steps.entry(port).or_default().extend(steps);
    }

    pub(crate) fn always(&self, port: u16, step: Step) {
        self.0.lock().always.insert(port, step);
    }

    pub(crate) fn got(&self, port: u16) -> Vec<Got> {
        self.0.lock().got.iter().filter(|got| got.port == port).cloned().collect()
    }

    fn next(&self, got: Got) -> Step {
        let mut script = self.0.lock();
        let port = got.port;
        script.got.push(got);
        let next = script.steps.get_mut(&port).and_then(VecDeque::pop_front);
        let always = script.always.get(&port).cloned();
        next.or(always).unwrap_or(Step::Answer(200, ""))
    }

    /// Takes one request, and does with it what the script says.
    async fn serve(self, port: u16, mut stream: DuplexStream) -> io::Result<()> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<String, String> =
            lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let len: usize = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        while bytes.len() < end + len {
            stream.read_buf(&mut bytes).await?;
        }
        let body = bytes[end..end + len].to_vec();
        match self.next(Got { port, at: Instant::now(), headers, body }) {
            Step::Answer(status, header) => {
                let answer = format!("HTTP/1.1 {status} X\r\n{header}content-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await
            }
            Step::Silence => std::future::pending().await,
            Step::HangUp => Ok(()),
        }
    }
}

#[async_trait]
impl Connector for Receivers {
    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(self.clone().serve(address.port(), theirs));
        Ok(Box::new(ours))
    }
}

/// `hooks.example` is public, and `rebound.example` was when it was added.
#[derive(Debug)]
pub(crate) struct Names;

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![match name {
            "rebound.example" => Ipv4Addr::new(169, 254, 169, 254).into(),
            _ => Ipv4Addr::new(8, 8, 8, 8).into(),
        }])
    }
}
