//! The API as a client uses it that does not give up: what has no whole answer is sent again, with
//! the same key.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::http;
use super::ledger::Ledger;

/// How often something is sent before that is a fault of its own.
const TRIES_MAX: usize = 2_000;

/// The load is over: nothing is sent any more.
#[derive(Debug)]
pub(crate) struct Ended;

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) ledger: Arc<Ledger>,
}

impl Api {
    /// A POST with this key, until it is acknowledged or refused.
    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Result<(u16, Value), Ended> {
        self.send(&format!("POST /v1/{path}"), &format!("Idempotency-Key: {key}\r\n"), body)
    }

    pub(crate) fn get(&self, path: &str) -> Result<(u16, Value), Ended> {
        self.send(&format!("GET /v1/{path}"), "", &Value::Null)
    }

    /// Answers when the run comes to a halt, or after a second.
    pub(crate) fn get_settled(&self, path: &str) -> Result<(u16, Value), Ended> {
        self.send(&format!("GET /v1/{path}"), "Prefer: wait=1\r\n", &Value::Null)
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
        for tried in 0..TRIES_MAX {
            if self.ledger.ended() {
                return Err(Ended);
            }
            self.ledger.repeated.fetch_add(usize::from(tried == 1), Ordering::SeqCst);
            match http::call(&self.address, head, body.as_bytes()) {
                Ok(answer) if !matches!(answer.status(), 429 | 503) => return Ok(answer),
                Ok(_) | Err(_) => {}
            }
        }
        self.ledger.fault(format!("no answer after {TRIES_MAX} tries: {head}"));
        Err(Ended)
    }
}
