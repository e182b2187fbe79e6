//! HTTP/1.1 as these tests need it: one request per connection, and an answer only if all of it
//! came. Written out, so that what judges the product shares no code with it.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;

/// A request or an answer.
pub(crate) struct Message {
    /// The first line.
    pub(crate) first: String,
    /// Headers, names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Reads one, whole.
    pub(crate) fn read(stream: &mut impl Read) -> Result<Self> {
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

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Sends one request and reads its answer.
pub(crate) fn call(address: &str, head: &str, body: &[u8]) -> Result<Message> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    let head = format!(
        "{head}Host: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
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
