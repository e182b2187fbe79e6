//! Mail, through the SMTP server that whoever runs the process names.

mod starttls;
mod stream;

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use aob_egress::Client;
use aob_store::TimeMs;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use thiserror::Error;
use url::Url;

use self::stream::Stream;
use crate::message::Message;
use crate::outcome::Outcome;
use crate::text::{cut, line};

/// Characters of a question in a mail.
const QUESTION_CHARS: usize = 1_000;
/// Characters of what a server answers.
const ERROR_CHARS: usize = 200;
/// A whole conversation may take so long.
const CONVERSATION_FOR: Duration = Duration::from_secs(30);

/// How a conversation is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Privacy {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said; a server that does not offer it gets nothing.
    StartTls,
    /// Not at all.
    None,
}

/// An SMTP server: `smtp://[USER@]HOST[:587]`, with STARTTLS, which it has to offer;
/// `smtps://[USER@]HOST[:465]`; or `smtp+plain://HOST[:25]`, without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    host: String,
    port: u16,
    user: Option<String>,
    privacy: Privacy,
}

/// The text names no SMTP server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailError {
    /// It is not of one of the forms.
    #[error("an SMTP server is smtp://[USER@]HOST[:PORT], smtps://... or smtp+plain://HOST[:PORT]")]
    Server,
    /// A password in a URL shows up in lists of processes and in logs.
    #[error("the password of an SMTP server has a setting of its own")]
    Password,
    /// A user name would go over the network in the clear.
    #[error("signing in needs TLS: smtp:// or smtps://")]
    Clear,
    /// The sender is no address.
    #[error("the sender is no address such as approvals@example.com")]
    From,
}

impl FromStr for MailServer {
    type Err = MailError;

    fn from_str(text: &str) -> Result<Self, MailError> {
        let url = Url::parse(text).map_err(|_| MailError::Server)?;
        let (privacy, port) = match url.scheme() {
            "smtp" => (Privacy::StartTls, 587),
            "smtps" => (Privacy::Tls, 465),
            "smtp+plain" => (Privacy::None, 25),
            _ => return Err(MailError::Server),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(MailError::Server)?;
        if url.password().is_some() {
            return Err(MailError::Password);
        }
        let bare = matches!(url.path(), "" | "/") && url.query().is_none();
        if !bare || url.fragment().is_some() {
            return Err(MailError::Server);
        }
        // `%40` stands for the `@` of user names that are addresses.
        let user = Some(url.username().replace("%40", "@")).filter(|user| !user.is_empty());
        if user.is_some() && privacy == Privacy::None {
            return Err(MailError::Clear);
        }
        Ok(Self { host: host.to_owned(), port: url.port().unwrap_or(port), user, privacy })
    }
}

/// Sends mail.
#[derive(Clone)]
pub struct Mailer {
    server: MailServer,
    password: String,
    from: Mailbox,
}

impl fmt::Debug for Mailer {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Mailer {
    /// Sends from this address through this server.
    ///
    /// # Errors
    /// If the sender is no address.
    pub fn new(server: MailServer, password: String, from: &str) -> Result<Self, MailError> {
        let from = from.parse().map_err(|_| MailError::From)?;
        Ok(Self { server, password, from })
    }

    /// What three settings say together; `None`: no server is named.
    ///
    /// # Errors
    /// See [`MailError`].
    pub fn of_settings(
        server: Option<MailServer>,
        from: Option<String>,
        password: Option<String>,
    ) -> Result<Option<Self>, MailError> {
        let Some(server) = server else { return Ok(None) };
        let from = from.ok_or(MailError::From)?;
        Self::new(server, password.unwrap_or_default(), &from).map(Some)
    }

    /// Sends a message to addresses, and says what came of it.
    pub(crate) async fn send(
        &self,
        network: &Client,
        message: &Message,
        to: &str,
        now_ms: TimeMs,
    ) -> Outcome {
        let letter = match self.letter(message, to, now_ms) {
            Ok(letter) => letter,
            Err(error) => return Outcome::again(error),
        };
        match tokio::time::timeout(CONVERSATION_FOR, self.converse(network, &letter)).await {
            Ok(Ok(())) => Outcome::Delivered,
            Ok(Err(outcome)) => outcome,
            Err(_) => Outcome::again("the mail server did not answer in time"),
        }
    }

    async fn converse(&self, network: &Client, letter: &lettre::Message) -> Result<(), Outcome> {
        let stream = self.connect(network).await?;
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let answered = |error| Outcome::again(told(&error));
        let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello)
            .await
            .map_err(answered)?;
        if let Some(user) = &self.server.user {
            let credentials = Credentials::new(user.clone(), self.password.clone());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            smtp.auth(&mechanisms, &credentials).await.map_err(answered)?;
        }
        smtp.send(letter.envelope(), &letter.formatted()).await.map_err(answered)?;
        // It has the mail, however it says goodbye.
        drop(smtp.quit().await);
        Ok(())
    }

    /// A connection on which everything may be said.
    async fn connect(&self, network: &Client) -> Result<Stream, Outcome> {
        let MailServer { host, port, privacy, .. } = &self.server;
        let opened = network.open(host, *port, *privacy == Privacy::Tls).await;
        let connection = opened.map_err(|error| Outcome::of_error(&error))?;
        if *privacy != Privacy::StartTls {
            return Ok(Stream::new(Vec::new(), connection));
        }
        let domain = self.from.email.domain();
        let (greeting, connection) = starttls::ask(connection, domain).await?;
        let secured = network.secure(host, connection).await;
        let secured = secured.map_err(|error| Outcome::of_error(&error))?;
        // Who has asked for TLS is not greeted again, and the library waits for a greeting.
        Ok(Stream::new(greeting, secured))
    }

    /// The mail itself. Its subject is one line, and its text is nothing but text.
    fn letter(
        &self,
        message: &Message,
        to: &str,
        now_ms: TimeMs,
    ) -> Result<lettre::Message, String> {
        let to: Mailboxes = to.parse().map_err(|_| "an address is none".to_owned())?;
        let sent = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
        let letter = to.into_iter().fold(lettre::Message::builder(), |letter, to| letter.to(to));
        letter
            .from(self.from.clone())
            .subject(message.title())
            .date(sent)
            // The same in every try: receivers dedupe by it.
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(text(message))
            .map_err(|error| error.to_string())
    }
}

fn told(error: &lettre::transport::smtp::Error) -> String {
    line(&format!("mail: {error}"), ERROR_CHARS)
}

/// What the mail says.
fn text(message: &Message) -> String {
    let mut text = format!("{}\n", message.title());
    let Some(brief) = &message.brief else { return text };
    text.push_str(&format!("\n{}\n\n", cut(&brief.question, QUESTION_CHARS)));
    for (name, value) in message.lines() {
        text.push_str(&format!("{name}: {}\n", line(&value, QUESTION_CHARS)));
    }
    text.push_str(&format!("\nLook at it and decide:\n{}\n", brief.link));
    text
}

/// Says that no person wrote it, so that nothing answers by itself (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    fn mailer() -> Mailer {
        let server = "smtps://mail.example.com".parse().expect("a server");
        Mailer::new(server, "s3cret".to_owned(), "Approvals <aob@example.com>").expect("a mailer")
    }

    #[test]
    fn servers_are_written_as_urls() {
        let server = |host: &str, port, user: Option<&str>, privacy| {
            let user = user.map(str::to_owned);
            Ok(MailServer { host: host.to_owned(), port, user, privacy })
        };
        let cases = [
            ("smtp://mail.example.com", server("mail.example.com", 587, None, Privacy::StartTls)),
            ("smtps://ada@m.example:4650", server("m.example", 4_650, Some("ada"), Privacy::Tls)),
            (
                "smtp://a%40b.c@m.example",
                server("m.example", 587, Some("a@b.c"), Privacy::StartTls),
            ),
            ("smtp+plain://localhost", server("localhost", 25, None, Privacy::None)),
            ("smtp+plain://ada@localhost", Err(MailError::Clear)),
            ("smtp://ada:pw@m.example", Err(MailError::Password)),
            ("smtp://m.example/inbox", Err(MailError::Server)),
            ("smtp:///", Err(MailError::Server)),
            ("https://m.example", Err(MailError::Server)),
            ("m.example:25", Err(MailError::Server)),
            ("", Err(MailError::Server)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<MailServer>(), expected, "{text}");
        }
        let from = Mailer::new("smtp://m.example".parse().unwrap(), String::new(), "nobody");
        assert_eq!(from.err(), Some(MailError::From));
        assert!(!format!("{:?}", mailer()).contains("s3cret"));
    }

    #[test]
    fn a_question_adds_no_header_and_no_recipient() {
        let hostile = "Pay?\r\nBcc: eve@example.com\r\n\r\n<a href=x>\u{202e}ü</a>";
        let letter = mailer().letter(&message(hostile), "ada@example.com,bob@example.com", 0);
        let letter = letter.unwrap();
        let to: Vec<_> = letter.envelope().to().iter().map(ToString::to_string).collect();
        assert_eq!(to, ["ada@example.com", "bob@example.com"]);
        let text = String::from_utf8(letter.formatted()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split_once(": "))
            .map(|(name, _)| name)
            .collect();
        let expected = [
            "To",
            "From",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "Content-Type",
            "Content-Transfer-Encoding",
        ];
        assert!(
            names.iter().all(|name| expected.contains(name) || *name == "MIME-Version"),
            "{names:?}"
        );
        assert!(head.contains("Message-ID: <msg_1@example.com>"), "{head}");
        assert!(head.contains("text/plain"), "{head}");
    }
}
