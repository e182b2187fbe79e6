//! The approval pages as a browser uses them: signs in, looks at the ticket, sends its form.

use crate::http::{self, Message};

/// Decides a ticket; true where the page says that it was taken. An error: no whole answer came, or
/// the server cannot just now, so it has to be tried again.
pub(crate) fn decide(
    address: &str,
    token: &str,
    ticket: &str,
    decision: &str,
) -> std::io::Result<bool> {
    let entered = post(address, "/login", "", &format!("key={token}"))?;
    let cookie = entered.header("set-cookie").and_then(|set| set.split(';').next());
    let Some(cookie) = cookie else { return Err(not_now(&entered)) };
    let path = format!("/tickets/{ticket}");
    let head = format!("GET {path} HTTP/1.1\r\nCookie: {cookie}\r\n");
    let shown = http::call(address, &head, b"")?;
    if shown.status() != 200 {
        return Err(not_now(&shown));
    }
    let html = String::from_utf8_lossy(&shown.body);
    // Who can decide no more sees no form.
    let Some(at) = html.find("name=\"subject_hash\"") else { return Ok(false) };
    // Another form is before it: its token is not the last one before the hash.
    let form = html[..at].rfind("name=\"token\"").map_or("", |token| &html[token..at]);
    let (form_token, hash) = (value(form), value(&html[at..]));
    let body = format!("token={form_token}&subject_hash={hash}&decision={decision}");
    let sent = post(address, &format!("{path}/decision"), cookie, &body)?;
    match sent.status() {
        303 => Ok(true),
        status if status >= 500 || status == 429 => Err(not_now(&sent)),
        _ => Ok(false),
    }
}

fn post(address: &str, path: &str, cookie: &str, body: &str) -> std::io::Result<Message> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n"
    );
    http::call(address, &head, body.as_bytes())
}

/// What stands in the first `value="..."`, as a form sends it.
fn value(html: &str) -> String {
    let text = html.split("value=\"").nth(1).and_then(|rest| rest.split('"').next());
    text.unwrap_or_default().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn not_now(answer: &Message) -> std::io::Error {
    std::io::Error::other(answer.first.clone())
}
