//! Who may be reached: hosts by configuration, addresses by kind.

use std::net::IpAddr;
use std::str::FromStr;

use http::Method;
use thiserror::Error;
use url::Host;

use crate::target::{Scheme, Target};
use crate::{AddressKind, Network, Refusal};
use aob_address::{classify, is_local_name};

/// What outgoing requests may do. The default reaches every public host by `https` on port 443 or
/// 80, and nothing else.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which hosts that are not listed may be reached.
    pub public: PublicHosts,
    /// Whether these may be reached by `http`.
    pub plain_http: bool,
    /// The methods that may be used, where an entry of the list says nothing else. `CONNECT` and
    /// `TRACE` never are.
    pub methods: Vec<Method>,
    /// Listed origins. Only they may have ports other than 80 and 443.
    pub allow: Vec<Allow>,
    /// Networks that are never reached, such as this service's own public addresses.
    pub deny: Vec<Network>,
    /// This site reaches IPv4 through 64:ff9b::/96 (DNS64); the IPv4 address behind is judged.
    pub nat64: bool,
}

/// Which hosts may be reached without being listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicHosts {
    /// All that have public names and addresses.
    Any,
    /// None.
    Listed,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            public: PublicHosts::Any,
            plain_http: false,
            methods: vec![
                Method::GET,
                Method::HEAD,
                Method::OPTIONS,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ],
            allow: Vec::new(),
            deny: Vec::new(),
            nat64: false,
        }
    }
}

impl Policy {
    /// Reaches one origin, be it private, and nothing else: for clients of a configured server.
    pub fn only(origin: Allow) -> Self {
        Self { public: PublicHosts::Listed, allow: vec![origin.private()], ..Self::default() }
    }

    /// Judges a URL as far as that goes without resolving its name: for whoever stores it for
    /// later. When it is requested, everything is judged again.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check(&self, url: &str, method: &Method) -> Result<(), Refusal> {
        self.admit(&Target::parse(url)?, method).map(drop)
    }

    /// The reach of a request, or the rule that forbids it. Addresses that the host resolves to
    /// are judged by [`Reach::check`], those written as such already here.
    pub(crate) fn admit(&self, target: &Target, method: &Method) -> Result<Reach<'_>, Refusal> {
        let listed = self.allow.iter().find(|allow| allow.matches(target));
        let methods = listed.and_then(|allow| allow.methods.as_ref()).unwrap_or(&self.methods);
        let never = *method == Method::CONNECT || *method == Method::TRACE;
        if never || !methods.contains(method) {
            return Err(Refusal::Method { method: method.clone() });
        }
        if listed.is_none() {
            self.admit_unlisted(target)?;
        }
        let reach = Reach { policy: self, private: listed.is_some_and(|allow| allow.private) };
        match &target.host {
            Host::Domain(name) if !reach.private && is_local_name(name) => {
                return Err(Refusal::Name { host: name.clone() });
            }
            Host::Domain(_) => {}
            Host::Ipv4(address) => reach.check(target, IpAddr::V4(*address))?,
            Host::Ipv6(address) => reach.check(target, IpAddr::V6(*address))?,
        }
        Ok(reach)
    }

    fn admit_unlisted(&self, target: &Target) -> Result<(), Refusal> {
        match self.public {
            PublicHosts::Listed => Err(Refusal::NotListed { host: target.host_text() }),
            PublicHosts::Any if target.port != 443 && target.port != 80 => {
                Err(Refusal::Port { port: target.port })
            }
            PublicHosts::Any if target.scheme == Scheme::Http && !self.plain_http => {
                Err(Refusal::PlainHttp)
            }
            PublicHosts::Any => Ok(()),
        }
    }
}

/// What a request that was admitted may connect to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) private: bool,
}

impl Reach<'_> {
    /// Judges an address that the target's host is or resolves to.
    pub(crate) fn check(&self, target: &Target, address: IpAddr) -> Result<(), Refusal> {
        let denied = self.policy.deny.iter().any(|network| network.contains(address));
        let kind = if denied { AddressKind::Denied } else { classify(address, self.policy.nat64) };
        if kind == AddressKind::Public || self.private && kind.may_be_opened() {
            return Ok(());
        }
        Err(Refusal::Address { host: target.host_text(), kind })
    }
}

/// An origin that the configuration lists: scheme, exact host and port.
#[derive(Debug, Clone)]
pub struct Allow {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
    private: bool,
    methods: Option<Vec<Method>>,
}

impl Allow {
    /// Opens loopback and private addresses as well, for this origin only. Metadata services,
    /// link-local and other special addresses stay closed.
    #[must_use]
    pub fn private(self) -> Self {
        Self { private: true, ..self }
    }

    /// What an operator lists: private origins, or `HOST:PORT` for plain `http`, by commas.
    ///
    /// # Errors
    /// The first that is no origin.
    pub fn private_list(text: &str) -> Result<Vec<Self>, ParseAllowError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let origin = |part: &str| match part.contains("://") {
            true => part.parse::<Self>(),
            false => format!("http://{part}").parse(),
        };
        parts.map(|part| origin(part).map(Self::private)).collect()
    }

    /// Allows these methods for this origin, instead of the policy's.
    #[must_use]
    pub fn with_methods(self, methods: Vec<Method>) -> Self {
        Self { methods: Some(methods), ..self }
    }

    /// The origin, its port always written: `http://127.0.0.1:8080`.
    pub fn origin(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    fn matches(&self, target: &Target) -> bool {
        (self.scheme, &self.host, self.port) == (target.scheme, &target.host, target.port)
    }
}

/// The text is not an origin that can be listed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseAllowError {
    /// Not a URL.
    #[error("{text:?} is not an origin such as https://example.com or http://127.0.0.1:8400")]
    Url {
        /// As written.
        text: String,
        /// What is wrong with it.
        source: Refusal,
    },
    /// It has a path, a query or a fragment, which would suggest that they count.
    #[error("{text:?} is more than an origin: write only scheme, host and port")]
    NotAnOrigin {
        /// As written.
        text: String,
    },
    /// Below 1024 only 80 and 443 can be listed: what listens there speaks other protocols.
    #[error("port {port} of {text:?} can't be listed: it must be 80, 443 or at least 1024")]
    Port {
        /// As written.
        text: String,
        /// As parsed.
        port: u16,
    },
}

impl FromStr for Allow {
    type Err = ParseAllowError;

    fn from_str(text: &str) -> Result<Self, ParseAllowError> {
        let target = Target::parse(text)
            .map_err(|source| ParseAllowError::Url { text: text.to_owned(), source })?;
        if !target.is_origin() {
            return Err(ParseAllowError::NotAnOrigin { text: text.to_owned() });
        }
        let Target { scheme, host, port, .. } = target;
        if port < 1024 && port != 80 && port != 443 {
            return Err(ParseAllowError::Port { text: text.to_owned(), port });
        }
        Ok(Self { scheme, host, port, private: false, methods: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_lists_origins_and_addresses() {
        let listed = Allow::private_list(" 10.0.0.1:9000, https://hooks.internal,, ").unwrap();
        let origins: Vec<String> = listed.iter().map(Allow::origin).collect();
        assert_eq!(origins, ["http://10.0.0.1:9000", "https://hooks.internal:443"]);
        assert!(listed.iter().all(|allow| allow.private));
        assert!(Allow::private_list("").unwrap().is_empty());
        assert!(Allow::private_list("a b").is_err());
    }

    #[test]
    fn literals_are_judged_before_anything_is_resolved() {
        let policy = Policy::default();
        for (url, admitted) in [
            ("https://8.8.8.8/", true),
            ("https://127.0.0.1/", false),
            ("https://[2606:4700::1]/", true),
            ("https://[::1]/", false),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(policy.admit(&target, &Method::GET).is_ok(), admitted, "{url}");
        }
    }
}
