//! An address that stays while the server behind it comes and goes.
//!
//! Connections wait for a server that is down, so clients and runners repeat what was cut off
//! without sleeping, and a restart needs no fixed port.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// Where connections go.
#[derive(Debug, Default)]
enum Target {
    /// They wait.
    #[default]
    Down,
    /// To one of these, in turn.
    At(Vec<String>),
    /// They are refused, for ever.
    Closed,
}

#[derive(Debug, Default)]
struct State {
    target: Target,
    /// Rises with every change.
    changes: u64,
    /// Connections so far.
    taken: usize,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Host and port, for ever.
    pub address: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self::open()
    }
}

impl Gateway {
    /// A gateway on a free port, with nobody behind it.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let gateway = Self { address, state: Arc::default() };
        let serving = gateway.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                let serving = serving.clone();
                std::thread::spawn(move || serving.pass(client));
            }
        });
        gateway
    }

    /// Connections go to these servers, in turn, and to the next where one refuses.
    pub fn to<'a>(&self, servers: impl IntoIterator<Item = &'a str>) {
        let servers = servers.into_iter();
        let servers = servers.map(|server| server.trim_start_matches("http://").to_owned());
        self.set(Target::At(servers.collect()));
    }

    /// Connections wait.
    pub fn down(&self) {
        self.set(Target::Down);
    }

    /// Connections end at once.
    pub fn close(&self) {
        self.set(Target::Closed);
    }

    fn set(&self, target: Target) {
        // A thread that panicked held no half-written target.
        let mut state = self.state.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        (state.target, state.changes) = (target, state.changes + 1);
        drop(state);
        self.state.1.notify_all();
    }

    /// A connection to a server that takes it; `None`: closed. Where all refuse, somebody has to
    /// bring one of them back, and says so.
    fn server(&self) -> Option<TcpStream> {
        let mut state = self.state.0.lock().expect("no thread panics with it");
        loop {
            let seen = state.changes;
            match &state.target {
                Target::Down => {}
                Target::Closed => return None,
                Target::At(servers) => {
                    let (servers, first) = (servers.clone(), state.taken);
                    state.taken += 1;
                    drop(state);
                    let turns = (0..servers.len()).map(|turn| (first + turn) % servers.len());
                    let mut there = turns.filter_map(|at| TcpStream::connect(&servers[at]).ok());
                    if let Some(server) = there.next() {
                        return Some(server);
                    }
                    state = self.state.0.lock().expect("as above");
                }
            }
            while state.changes == seen {
                state = self.state.1.wait(state).expect("as above");
            }
        }
    }

    fn pass(&self, client: TcpStream) {
        let Some(server) = self.server() else { return };
        let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
            return;
        };
        let there = std::thread::spawn(move || pump(from_client, to_server));
        pump(server, client);
        // It ends with the connections.
        let _ = there.join();
    }
}

/// Copies until one side ends, then tells the other.
fn pump(mut from: TcpStream, mut to: TcpStream) {
    // However it ends, the other side learns of it.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
