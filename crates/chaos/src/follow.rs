//! Readers of the stream of a run: they come back with the last id that they saw, and see every
//! event once, in order, whatever happens to who sends them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::Api;
use crate::chance::{now, pass};
use crate::ledger::Started;
use crate::stack::json;

/// Streams read at the same time.
const READERS: usize = 4;
/// A stream has a heartbeat every 15 s: what is silent for longer is read anew.
const SILENCE: Duration = Duration::from_secs(20);
/// How long a run that is over may take to bring its end to its readers.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Between two looks for a run to follow, and between two connections.
const PACE: Duration = Duration::from_millis(50);

/// What readers saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Streams that were read to their end.
    pub streams: usize,
    /// Connections that were cut off, or refused, and made again.
    pub resumed: usize,
}

/// Follows runs while there is load, each from its start to its end; `streams` is who sends them.
pub fn follow(api: &Api, streams: &str, seen: &Mutex<Seen>) {
    let taken = Mutex::new(std::collections::BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !api.ledger.ended() {
                    match next(api, &taken) {
                        Some(run) => {
                            Reader { api, streams, run: &run.run, last: 0, over: None }.read(seen)
                        }
                        None => pass(PACE),
                    }
                }
            });
        }
    });
}

/// A young run that nobody follows.
fn next(api: &Api, taken: &Mutex<std::collections::BTreeSet<String>>) -> Option<Started> {
    let mut taken = taken.lock().expect("no panics");
    // Ids rise with time.
    let run = api.ledger.open_runs().into_iter().rev().find(|run| !taken.contains(&run.run))?;
    taken.insert(run.run.clone());
    Some(run)
}

/// Reads the streams of all runs that are over, from the start to the head, without faults.
pub fn read_all(api: &Api, streams: &str, seen: &Mutex<Seen>) {
    for run in api.ledger.all_runs().into_iter().filter(|run| run.over) {
        Reader { api, streams, run: &run.run, last: 0, over: None }.read(seen);
    }
}

struct Reader<'a> {
    api: &'a Api,
    streams: &'a str,
    run: &'a str,
    /// The last seq that it saw.
    last: u64,
    /// When it heard that the run is over.
    over: Option<Instant>,
}

impl Reader<'_> {
    /// Reads to the end of the run.
    fn read(mut self, seen: &Mutex<Seen>) {
        while !self.is_late() {
            if self.connection().is_ok_and(|ended| ended) {
                seen.lock().expect("no panics").streams += 1;
                return;
            }
            if self.api.ledger.ended() {
                return;
            }
            seen.lock().expect("no panics").resumed += 1;
            pass(PACE);
        }
        let (run, last) = (self.run, self.last);
        self.api.ledger.fault(format!("stream of {run} does not end; last id {last}"));
    }

    /// Whether the run has been over for too long.
    fn is_late(&mut self) -> bool {
        if self.over.is_none() && self.api.ledger.is_over(self.run) {
            self.over = Some(now());
        }
        self.over.is_some_and(|since| since.elapsed() > GIVE_UP)
    }

    /// Reads until it is cut off; true at the end of the run.
    fn connection(&mut self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(self.streams)?;
        stream.set_read_timeout(Some(SILENCE))?;
        // By HTTP/1.0 the body is what comes until the connection ends: no chunks to take apart.
        let head = format!(
            "GET /v1/runs/{}/stream HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Accept: text/event-stream\r\nLast-Event-ID: {}\r\n\r\n",
            self.run, self.streams, self.api.token, self.last
        );
        stream.write_all(head.as_bytes())?;
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().transpose()?.unwrap_or_default();
        if !status.contains(" 200 ") {
            let fits = [" 429 ", " 503 "].iter().any(|known| status.contains(known));
            if !fits && !status.is_empty() {
                self.api.ledger.fault(format!("stream of {}: {status}", self.run));
            }
            return Ok(false);
        }
        let (mut id, mut kind, mut data) = (None, String::new(), String::new());
        for line in lines {
            let line = line?;
            match line.split_once(": ") {
                Some(("id", value)) => id = value.parse::<u64>().ok(),
                Some(("event", value)) => value.clone_into(&mut kind),
                Some(("data", value)) => data.push_str(value),
                _ if !line.is_empty() => {
                    // A heartbeat.
                    if self.api.ledger.ended() || self.is_late() {
                        return Ok(false);
                    }
                }
                _ => {
                    if kind == "end" {
                        return Ok(true);
                    }
                    if let Some(id) = id.take().filter(|_| !kind.is_empty()) {
                        self.event(id, &json(&data));
                    }
                    (kind, data) = (String::new(), String::new());
                }
            }
        }
        Ok(false)
    }

    fn event(&mut self, id: u64, event: &Value) {
        if id != self.last + 1 || event["seq"] != id {
            let (run, last) = (self.run, self.last);
            self.api.ledger.fault(format!("stream of {run}: {id} after {last}: {event}"));
        }
        self.last = id;
    }
}
