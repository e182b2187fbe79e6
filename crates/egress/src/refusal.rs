//! Why a request is not made.

use http::{HeaderName, Method};
use thiserror::Error;

use crate::AddressKind;

/// The rule that forbids a request. The message names what the user wrote, never an address that a
/// name resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not an absolute URL with a host, or one with control characters, spaces or backslashes.
    #[error("the URL is malformed")]
    MalformedUrl,
    /// Longer than [`MAX_URL_BYTES`](crate::MAX_URL_BYTES).
    #[error("the URL is longer than {} bytes", crate::MAX_URL_BYTES)]
    UrlTooLong,
    /// Neither `https` nor `http`.
    #[error("the scheme {scheme} is not allowed")]
    Scheme {
        /// As written.
        scheme: String,
    },
    /// `http` to a host that is not listed for it.
    #[error("plain http is not allowed to this host; use https, or list its origin")]
    PlainHttp,
    /// A user name or password in the URL, or an `@` that looks like it.
    #[error("the URL holds user information; use the request's headers instead")]
    UserInfo,
    /// A percent-encoded host, a trailing dot, an empty or overlong label, or a character that no
    /// host name has.
    #[error("the host is not a plain host name")]
    Host,
    /// Neither 80, 443 nor a listed port.
    #[error("port {port} is not allowed to this host; list its origin")]
    Port {
        /// As parsed.
        port: u16,
    },
    /// The policy allows listed hosts only.
    #[error("the host {host} is not listed")]
    NotListed {
        /// As parsed.
        host: String,
    },
    /// A name that stands for something local.
    #[error("the name {host} is not public")]
    Name {
        /// As parsed.
        host: String,
    },
    /// The host is, or resolves to, an address that may not be reached.
    #[error("the host {host} is at an address that is not public ({kind})")]
    Address {
        /// As parsed.
        host: String,
        /// The kind of the offending address.
        kind: AddressKind,
    },
    /// The policy does not allow it, or nobody's policy does.
    #[error("the method {method} is not allowed to this host")]
    Method {
        /// As given.
        method: Method,
    },
    /// A header that the client sets itself, or that opens metadata services.
    #[error("the header {name} may not be set")]
    Header {
        /// Its name.
        name: HeaderName,
    },
    /// A redirect from `https` to `http`.
    #[error("the redirect leaves https")]
    Downgrade,
    /// More redirects than the request or [`MAX_REDIRECTS`](crate::MAX_REDIRECTS) allows.
    #[error("there are too many redirects")]
    TooManyRedirects,
}

impl Refusal {
    /// A stable name for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MalformedUrl => "malformed_url",
            Self::UrlTooLong => "url_too_long",
            Self::Scheme { .. } => "scheme",
            Self::PlainHttp => "plain_http",
            Self::UserInfo => "user_info",
            Self::Host => "host",
            Self::Port { .. } => "port",
            Self::NotListed { .. } => "not_listed",
            Self::Name { .. } => "name",
            Self::Address { .. } => "address",
            Self::Method { .. } => "method",
            Self::Header { .. } => "header",
            Self::Downgrade => "downgrade",
            Self::TooManyRedirects => "too_many_redirects",
        }
    }
}
