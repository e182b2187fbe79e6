//! The API as a client uses it that does not give up: what has no whole answer is sent again, with
//! the same key.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use crate::chance::{now, pass};
use crate::ledger::Ledger;
use crate::{http, pages};

/// How long something is sent again and again before that is a fault of its own.
const GIVE_UP: Duration = Duration::from_secs(180);
/// Between two of them, so that a server that refuses at once is not stormed.
const PACE: Duration = Duration::from_millis(10);

/// The load is over: nothing is sent any more.
#[derive(Debug)]
pub struct Ended;

/// See the module.
#[derive(Debug, Clone)]
pub struct Api {
    /// Host and port.
    pub address: String,
    /// The key of whoever asks.
    pub token: String,
    /// Host and port of the approval pages, where some decisions are made.
    pub pages: Option<String>,
    /// Where what happens is kept.
    pub ledger: Arc<Ledger>,
}

impl Api {
    /// A POST with this key, until it is acknowledged or refused.
    ///
    /// # Errors
    /// At the end of the load.
    pub fn post(&self, path: &str, key: &str, body: &Value) -> Result<(u16, Value), Ended> {
        self.send(&format!("POST /v1/{path}"), &format!("Idempotency-Key: {key}\r\n"), body)
    }

    /// A GET, until it is answered.
    ///
    /// # Errors
    /// At the end of the load.
    pub fn get(&self, path: &str) -> Result<(u16, Value), Ended> {
        self.send(&format!("GET /v1/{path}"), "", &Value::Null)
    }

    /// Answers when the run comes to a halt, or after a second.
    ///
    /// # Errors
    /// At the end of the load.
    pub fn get_settled(&self, path: &str) -> Result<(u16, Value), Ended> {
        self.send(&format!("GET /v1/{path}"), "Prefer: wait=1\r\n", &Value::Null)
    }

    /// Decides a ticket on the pages, until that is acknowledged or refused.
    pub(crate) fn decide_on(&self, pages: &str, ticket: &str, how: &str) -> Result<bool, Ended> {
        let since = now();
        self.ledger.requests.fetch_add(1, Ordering::SeqCst);
        let answer = loop {
            if self.ledger.ended() {
                break Err(Ended);
            }
            match pages::decide(pages, &self.token, ticket, how) {
                Ok(taken) => break Ok(taken),
                Err(error) if since.elapsed() > GIVE_UP => {
                    self.ledger.fault(format!("{ticket} cannot be decided on its page: {error}"));
                    break Err(Ended);
                }
                Err(_) => pass(PACE),
            }
        };
        self.ledger.requests.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    fn send(&self, line: &str, headers: &str, body: &Value) -> Result<(u16, Value), Ended> {
        let token = &self.token;
        let head = format!("{line} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n{headers}");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.ledger.requests.fetch_add(1, Ordering::SeqCst);
        let answer = self.until_answered(&head, &text);
        self.ledger.requests.fetch_sub(1, Ordering::SeqCst);
        let answer = answer?;
        let (status, value) = (answer.status(), serde_json::from_slice(&answer.body));
        Ok((status, value.unwrap_or_default()))
    }

    fn until_answered(&self, head: &str, body: &str) -> Result<http::Message, Ended> {
        let since = now();
        let mut tried = 0;
        while since.elapsed() < GIVE_UP {
            if self.ledger.ended() {
                return Err(Ended);
            }
            self.ledger.repeated.fetch_add(usize::from(tried == 1), Ordering::SeqCst);
            match http::call(&self.address, head, body.as_bytes()) {
                Ok(answer) if !matches!(answer.status(), 429 | 503) => {
                    if answer.status() >= 500 {
                        let said = String::from_utf8_lossy(&answer.body).into_owned();
                        self.ledger.fault(format!("{} {}: {said}", line_of(head), answer.first));
                    }
                    return Ok(answer);
                }
                Ok(_) | Err(_) => pass(PACE),
            }
            tried += 1;
        }
        self.ledger.fault(format!("no answer after {tried} tries: {}", line_of(head)));
        Err(Ended)
    }
}

/// The request line, without the key that follows it.
fn line_of(head: &str) -> &str {
    head.lines().next().unwrap_or_default()
}
