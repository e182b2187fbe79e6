//! An SMTP server in a few lines, behind a connector: it does what it is told and remembers what it
//! was told.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use aob_egress::{Connection, Connector};
use async_trait::async_trait;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_rustls::TlsAcceptor;

/// What the server is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Speaks TLS from the first byte.
    Tls,
    /// Offers STARTTLS.
    StartTls,
    /// Offers no TLS.
    Plain,
    /// Says nothing.
    Silent,
}

#[derive(Debug, Default)]
struct Told {
    /// Commands, and mails as one text each.
    lines: Vec<String>,
    /// Answers to `RCPT` that come before `250`.
    refusals: Vec<&'static str>,
}

/// The server. Clones are the same.
#[derive(Clone)]
pub(crate) struct MailServer {
    manner: Manner,
    acceptor: TlsAcceptor,
    /// Whom to trust so that its certificate holds.
    pub(crate) root_pem: String,
    told: Arc<Mutex<Told>>,
}

impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailServer").field("manner", &self.manner).finish_non_exhaustive()
    }
}

impl MailServer {
    pub(crate) fn new(manner: Manner) -> Self {
        let names = vec!["mail.example".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .expect("a key for it");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self { manner, acceptor, root_pem: made.cert.pem(), told: Arc::default() }
    }

    /// The same, where the client trusts another's certificate only.
    pub(crate) fn claiming_to_be(self, other: &Self) -> Self {
        Self { root_pem: other.root_pem.clone(), ..self }
    }

    /// Answers the next recipients like this.
    pub(crate) fn refuse(&self, answers: impl IntoIterator<Item = &'static str>) {
        self.told.lock().refusals.extend(answers);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.told.lock().lines.clone()
    }

    async fn serve(self, stream: tokio::io::DuplexStream) -> io::Result<()> {
        match self.manner {
            Manner::Silent => std::future::pending().await,
            Manner::Tls => {
                let stream = self.acceptor.accept(stream).await?;
                self.converse(BufReader::new(stream), true).await.map(drop)
            }
            Manner::StartTls => {
                let Some(stream) = self.converse(BufReader::new(stream), true).await? else {
                    return Ok(());
                };
                let stream = self.acceptor.accept(stream.into_inner()).await?;
                self.told.lock().lines.push("(TLS)".to_owned());
                self.converse(BufReader::new(stream), false).await.map(drop)
            }
            Manner::Plain => self.converse(BufReader::new(stream), true).await.map(drop),
        }
    }

    /// Talks until the client leaves, or wants TLS: then the stream comes back.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufReader<S>,
        greets: bool,
    ) -> io::Result<Option<BufReader<S>>> {
        if greets {
            stream.write_all(b"220 mail.example ready\r\n").await?;
        }
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let said = line.trim_end().to_owned();
            self.told.lock().lines.push(said.clone());
            let verb = said.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let answer = match &*verb {
                "EHLO" if self.manner == Manner::StartTls && greets => {
                    "250-mail.example\r\n250 STARTTLS"
                }
                "EHLO" => "250-mail.example\r\n250 AUTH PLAIN LOGIN",
                "STARTTLS" => {
                    stream.write_all(b"220 go\r\n").await?;
                    return Ok(Some(stream));
                }
                "AUTH" => "235 welcome",
                "RCPT" => {
                    let mut told = self.told.lock();
                    if told.refusals.is_empty() { "250 ok" } else { told.refusals.remove(0) }
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    self.take(&mut stream).await?;
                    "250 taken"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }

    /// Takes a mail, to its dot.
    async fn take<S: AsyncRead + Unpin>(&self, stream: &mut BufReader<S>) -> io::Result<()> {
        let mut mail = String::new();
        while !mail.ends_with("\r\n.\r\n") {
            if stream.read_line(&mut mail).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.told.lock().lines.push(mail);
        Ok(())
    }
}

#[async_trait]
impl Connector for MailServer {
    async fn connect(&self, _: SocketAddr) -> io::Result<Connection> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(self.clone().serve(theirs));
        Ok(Box::new(ours))
    }
}
