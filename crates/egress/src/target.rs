//! Where a request goes: a URL parsed once, of which everything after is derived.

use http::Uri;
use url::{Host, Url};

use crate::Refusal;

/// The longest URL that is sent: 8 KiB, as most servers have it.
pub const MAX_URL_BYTES: usize = 8 * 1024;

const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// The scheme of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Over TLS.
    Https,
    /// In the clear.
    Http,
}

impl Scheme {
    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// A parsed URL that is well formed; whether it may be reached is the policy's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    url: Url,
    pub(crate) scheme: Scheme,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl Target {
    /// Parses what a user wrote.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        check_text(text)?;
        Self::checked(Url::parse(text), authority_of(text))
    }

    /// The target of a redirect, relative or absolute, from here.
    pub(crate) fn join(&self, location: &str) -> Result<Self, Refusal> {
        check_text(location)?;
        let authority = match location.strip_prefix("//") {
            Some(rest) => rest.split(['/', '?', '#']).next(),
            None => authority_of(location),
        };
        Self::checked(self.url.join(location), authority)
    }

    /// Judges the scheme first and the authority as written second: the most telling refusals.
    fn checked(
        url: Result<Url, url::ParseError>,
        authority: Option<&str>,
    ) -> Result<Self, Refusal> {
        if let Ok(url) = &url {
            scheme_of(url)?;
        }
        if let Some(authority) = authority {
            check_authority(authority)?;
        }
        Self::from_url(url.map_err(|_| Refusal::MalformedUrl)?)
    }

    fn from_url(url: Url) -> Result<Self, Refusal> {
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(Refusal::UrlTooLong);
        }
        let scheme = scheme_of(&url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let host = url.host().ok_or(Refusal::MalformedUrl)?.to_owned();
        if let Host::Domain(name) = &host {
            check_name(name)?;
        }
        let port = url.port().unwrap_or(scheme.default_port());
        Ok(Self { url, scheme, host, port })
    }

    /// The host as the `Host` header and TLS have it; IPv6 without brackets.
    pub(crate) fn host_text(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// What the `Host` header says: the host, and the port unless it is the scheme's own.
    pub(crate) fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    /// Path and query, as the request line has them. The fragment stays here.
    pub(crate) fn request_line_uri(&self) -> Result<Uri, Refusal> {
        let path = self.url.path();
        let text = match self.url.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        text.parse().map_err(|_| Refusal::MalformedUrl)
    }

    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// The whole URL, without its fragment.
    pub(crate) fn to_url(&self) -> String {
        let mut url = self.url.clone();
        url.set_fragment(None);
        url.into()
    }

    /// True where there is neither a path nor a query: an origin.
    pub(crate) fn is_origin(&self) -> bool {
        self.url.path() == "/" && self.url.query().is_none() && self.url.fragment().is_none()
    }
}

fn scheme_of(url: &Url) -> Result<Scheme, Refusal> {
    match url.scheme() {
        "https" => Ok(Scheme::Https),
        "http" => Ok(Scheme::Http),
        other => Err(Refusal::Scheme { scheme: other.to_owned() }),
    }
}

/// Parsers disagree on what they drop or turn around, so we refuse what they would have to.
fn check_text(text: &str) -> Result<(), Refusal> {
    if text.len() > MAX_URL_BYTES {
        return Err(Refusal::UrlTooLong);
    }
    let odd = |char: char| char.is_control() || char.is_whitespace() || char == '\\';
    if text.contains(odd) { Err(Refusal::MalformedUrl) } else { Ok(()) }
}

/// What stands between the slashes and the path of an absolute URL, as written.
fn authority_of(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return None;
    }
    rest.trim_start_matches('/').split(['/', '?', '#']).next()
}

fn check_authority(authority: &str) -> Result<(), Refusal> {
    if authority.contains('@') {
        return Err(Refusal::UserInfo);
    }
    if authority.contains('%') { Err(Refusal::Host) } else { Ok(()) }
}

/// A host name as the DNS has it, after IDNA.
fn check_name(name: &str) -> Result<(), Refusal> {
    let label_is_plain = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL_BYTES
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.len() <= MAX_NAME_BYTES && name.split('.').all(label_is_plain) {
        Ok(())
    } else {
        Err(Refusal::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_into_parts() {
        for (text, authority, uri) in [
            ("https://example.com", "example.com", "/"),
            ("HTTPS://EXAMPLE.com:443/a%20b?q=1#f", "example.com", "/a%20b?q=1"),
            ("http://example.com:8080/?", "example.com:8080", "/?"),
            ("https://[2606:4700::1]:8443/x", "[2606:4700::1]:8443", "/x"),
            ("https://bücher.example/ä", "xn--bcher-kva.example", "/%C3%A4"),
            ("http://134744072/", "8.8.8.8", "/"),
            ("https://my_host.example.com/", "my_host.example.com", "/"),
            ("https://example.com/@me", "example.com", "/@me"),
            ("https://example.com?u=a@b", "example.com", "/?u=a@b"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(target.authority(), authority, "{text}");
            assert_eq!(target.request_line_uri().unwrap().to_string(), uri, "{text}");
        }
    }

    #[test]
    fn redirects_resolve_against_the_base() {
        let base = Target::parse("https://example.com/a/b?q#f").unwrap();
        for (location, url) in [
            ("c", "https://example.com/a/c"),
            ("/c", "https://example.com/c"),
            ("?x=1", "https://example.com/a/b?x=1"),
            ("//other.example/p", "https://other.example/p"),
            ("http://other.example:8080/#z", "http://other.example:8080/"),
            ("/p@q%41", "https://example.com/p@q%41"),
            ("/p?next=https://a%62@c/", "https://example.com/p?next=https://a%62@c/"),
        ] {
            assert_eq!(base.join(location).unwrap().to_url(), url, "{location}");
        }
        for (location, refusal) in [
            ("//user@other.example/", Refusal::UserInfo),
            ("https://a:b@other.example/", Refusal::UserInfo),
            ("//%65xample.com/", Refusal::Host),
            ("https://%65xample.com/", Refusal::Host),
            ("\\\\other.example", Refusal::MalformedUrl),
            ("/a b", Refusal::MalformedUrl),
            ("https://", Refusal::MalformedUrl),
            ("file:///etc/passwd", Refusal::Scheme { scheme: "file".into() }),
        ] {
            assert_eq!(base.join(location), Err(refusal), "{location}");
        }
    }
}
