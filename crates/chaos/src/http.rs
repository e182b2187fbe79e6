//! HTTP/1.1 as these tests need it: one request per connection, and an answer only if all of it
//! came. Written out, so that what judges the product shares no code with it.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A peer that says nothing for this long is given up: it may have been stopped.
const SILENCE: Duration = Duration::from_secs(20);

/// A request or an answer.
#[derive(Debug)]
pub struct Message {
    /// The first line.
    pub first: String,
    /// Headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// What follows them.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads one, whole.
    ///
    /// # Errors
    /// If it ends before that.
    ///
    /// # Panics
    /// If it has no length: nothing that is called here answers like that.
    pub fn read(stream: &mut impl Read) -> Result<Self> {
        let mut reader = BufReader::new(stream);
        let first = line(&mut reader)?;
        let mut headers = Vec::new();
        loop {
            let text = line(&mut reader)?;
            let Some((name, value)) = text.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Self { first, headers, body: Vec::new() };
        assert_eq!(message.header("transfer-encoding"), None, "{}", message.first);
        let length = message.header("content-length").map_or(0, |text| text.parse().unwrap_or(0));
        message.body.resize(length, 0);
        reader.read_exact(&mut message.body)?;
        Ok(message)
    }

    /// The header of this name, in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The status of an answer.
    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Sends one request and reads its answer.
///
/// # Errors
/// If no whole answer came.
pub fn call(address: &str, head: &str, body: &[u8]) -> Result<Message> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let length = body.len();
    let kind = match head.contains("Content-Type:") {
        true => "",
        false => "Content-Type: application/json\r\n",
    };
    let head = format!(
        "{head}Host: {address}\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    Message::read(&mut stream)
}

fn line(reader: &mut impl BufRead) -> Result<String> {
    let mut text = String::new();
    reader.read_line(&mut text)?;
    if !text.ends_with('\n') {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    Ok(text.trim_end().to_owned())
}
