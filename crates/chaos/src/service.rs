//! What `http` nodes call: it remembers the idempotency keys that it saw.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::chance::{Chance, pass};
use crate::http::Message;

/// See the module.
#[derive(Debug, Clone)]
pub struct Service {
    /// Host and port.
    pub address: String,
    calls: Arc<Mutex<BTreeMap<String, u32>>>,
    under_way: Arc<AtomicUsize>,
}

impl Service {
    /// A service on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub fn open(seed: u64) -> Self {
        Self::at("127.0.0.1:0", seed)
    }

    /// A service at this address.
    ///
    /// # Panics
    /// If somebody else is there.
    pub fn at(address: &str, seed: u64) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let service = Self { address, calls: Arc::default(), under_way: Arc::default() };
        let serving = service.clone();
        std::thread::spawn(move || {
            for (number, stream) in (0..).zip(listener.incoming()) {
                let (serving, chance) = (serving.clone(), Chance::of(seed, number));
                let Ok(stream) = stream else { continue };
                std::thread::spawn(move || serving.answer(stream, chance));
            }
        });
        service
    }

    /// Requests that are being answered.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// How often this key came.
    pub fn calls(&self, key: &str) -> u32 {
        self.calls.lock().expect("no panics").get(key).copied().unwrap_or(0)
    }

    fn answer(&self, mut stream: TcpStream, mut chance: Chance) {
        // A caller that was killed does not finish.
        let Ok(request) = Message::read(&mut stream) else { return };
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let key = request.header("idempotency-key").unwrap_or_default().to_owned();
        *self.calls.lock().expect("no panics").entry(key).or_default() += 1;
        // One in eight takes so long that kills find it under way.
        let longest = if chance.percent(12) { 11 } else { 6 };
        pass(chance.moment(0, longest));
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\
                      Connection: close\r\n\r\n{\"ok\":true}";
        // Nobody may be left to read it.
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0]);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}
