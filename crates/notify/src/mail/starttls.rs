//! Asking a server for TLS before anything else is said (RFC 3207).

use std::io;

use aob_egress::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::outcome::Outcome;
use crate::text::line;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 8 * 1024;
/// Characters of an answer that are shown.
const ANSWER_CHARS: usize = 200;

/// Asks, and gives back the server's greeting and the connection, on which TLS comes next. Nothing
/// that was said in the clear counts afterwards.
pub(super) async fn ask(
    mut connection: Connection,
    domain: &str,
) -> Result<(Vec<u8>, Connection), Outcome> {
    let greeting = answer(&mut connection, "220").await?;
    say(&mut connection, &format!("EHLO {domain}\r\n")).await?;
    let offered = answer(&mut connection, "250").await?;
    let offered = String::from_utf8_lossy(&offered).to_uppercase();
    if !offered.lines().any(|line| line.get(4..).is_some_and(|word| word.trim() == "STARTTLS")) {
        return Err(Outcome::again("the mail server offers no TLS"));
    }
    say(&mut connection, "STARTTLS\r\n").await?;
    answer(&mut connection, "220").await?;
    Ok((greeting, connection))
}

async fn say(connection: &mut Connection, text: &str) -> Result<(), Outcome> {
    connection.write_all(text.as_bytes()).await.map_err(|error| lost(&error))?;
    connection.flush().await.map_err(|error| lost(&error))
}

/// One answer, of as many lines as it has, if it begins with this code. It is read byte by byte: what
/// comes behind it belongs to TLS, or to somebody in between, and is never taken for an answer.
async fn answer(connection: &mut Connection, code: &str) -> Result<Vec<u8>, Outcome> {
    let mut answer = Vec::new();
    let mut begin = 0;
    loop {
        let byte = connection.read_u8().await.map_err(|error| lost(&error))?;
        answer.push(byte);
        if byte == b'\n' {
            if answer.get(begin + 3) != Some(&b'-') {
                break;
            }
            begin = answer.len();
        }
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(Outcome::again("the mail server says too much"));
        }
    }
    if answer.starts_with(code.as_bytes()) {
        return Ok(answer);
    }
    let said = line(&String::from_utf8_lossy(&answer), ANSWER_CHARS);
    Err(Outcome::again(format!("the mail server said: {said}")))
}

fn lost(error: &io::Error) -> Outcome {
    Outcome::again(format!("the connection to the mail server was lost: {error}"))
}
