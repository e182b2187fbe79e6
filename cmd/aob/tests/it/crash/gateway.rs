//! An address that stays while the server behind it comes and goes.
//!
//! Connections wait for a server that is down, so clients and runners repeat what was cut off
//! without sleeping, and a restart needs no fixed port.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// Where connections go.
#[derive(Default)]
enum Target {
    /// They wait.
    #[default]
    Down,
    At(String),
    /// They are refused, for ever.
    Closed,
}

#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) address: String,
    target: Arc<(Mutex<Target>, Condvar)>,
}

impl Gateway {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let gateway = Self { address, target: Arc::default() };
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

    pub(crate) fn to(&self, server: &str) {
        self.set(Target::At(server.trim_start_matches("http://").to_owned()));
    }

    pub(crate) fn down(&self) {
        self.set(Target::Down);
    }

    pub(crate) fn close(&self) {
        self.set(Target::Closed);
    }

    fn set(&self, target: Target) {
        // A thread that panicked held no half-written target.
        *self.target.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = target;
        self.target.1.notify_all();
    }

    fn pass(&self, client: TcpStream) {
        let mut target = self.target.0.lock().expect("no thread panics with it");
        let server = loop {
            match &*target {
                Target::Down => target = self.target.1.wait(target).expect("as above"),
                Target::At(server) => break server.clone(),
                Target::Closed => return,
            }
        };
        drop(target);
        // Where it was killed in between, the client's connection just ends.
        let Ok(server) = TcpStream::connect(server) else { return };
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
